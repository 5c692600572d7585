/* SPDX-License-Identifier: MIT
 *
 * SHA-256 of files, for provenance, by OpenSSL.
 */
#include "balact/dataset.h"

#ifndef BALACT_HAVE_CRYPTO

balact_status balact_sha256_file(const char *path, char hex[65], int64_t *bytes,
                                 struct balact_error *error) {
    hex[0] = '\0';
    *bytes = 0;
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, path, 0, -1,
                          "this build has no SHA-256: it needs OpenSSL (Debian package "
                          "libssl-dev)");
}

#else

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Feeds the file to the digest. */
static balact_status digest_file(FILE *file, EVP_MD_CTX *digest, const char *path, int64_t *bytes,
                                 struct balact_error *error) {
    enum { BLOCK = 1 << 18 };
    unsigned char *block = malloc(BLOCK);
    bool fine = block != NULL;
    size_t got;
    *bytes = 0;
    while (fine && (got = fread(block, 1, BLOCK, file)) > 0) {
        fine = EVP_DigestUpdate(digest, block, got) == 1;
        *bytes += (int64_t)got;
    }
    free(block);
    if (!fine)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    if (ferror(file))
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, *bytes, "cannot read: %s",
                              strerror(errno ? errno : EIO));
    return BALACT_OK;
}

balact_status balact_sha256_file(const char *path, char hex[65], int64_t *bytes,
                                 struct balact_error *error) {
    unsigned char hash[EVP_MAX_MD_SIZE];
    hex[0] = '\0';
    *bytes = 0;
    errno = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot open: %s",
                              strerror(errno));
    setvbuf(file, NULL, _IONBF, 0); /* the blocks are large already */
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    balact_status status = BALACT_OK;
    if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: SHA-256 cannot start", path);
    if (status == BALACT_OK)
        status = digest_file(file, digest, path, bytes, error);
    if (status == BALACT_OK && EVP_DigestFinal_ex(digest, hash, NULL) != 1)
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: SHA-256 failed", path);
    EVP_MD_CTX_free(digest);
    fclose(file);
    for (int i = 0; i < 32 && status == BALACT_OK; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return status;
}

#endif
