/* SPDX-License-Identifier: MIT
 *
 * What the tests of the readers share: growing buffers, small .tar, .zip and .npy files made byte
 * by byte (by none of the code under test), and the checking of an error's status, text and place.
 */
#ifndef BALACT_TESTS_FILES_H
#define BALACT_TESTS_FILES_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/status.h"
#include "tests/harness.h"

/* The error has this status and its message has this text. */
#define ck_failed(error, wanted_status, text)                                                      \
    do {                                                                                           \
        ck_assert_msg((error).status == (wanted_status), "status %s, wanted %s: %s",               \
                      balact_status_name((error).status), balact_status_name(wanted_status),       \
                      (error).message);                                                            \
        ck_assert_msg(strstr((error).message, (text)) != NULL, "no '%s' in '%s'", (text),          \
                      (error).message);                                                            \
    } while (0)

/* ... and this line, or this byte. */
#define ck_failed_at_line(error, wanted_status, text, wanted_line)                                 \
    do {                                                                                           \
        ck_failed(error, wanted_status, text);                                                     \
        ck_assert_msg((error).line == (wanted_line), "line %" PRId64 ": %s", (error).line,         \
                      (error).message);                                                            \
    } while (0)
#define ck_failed_at_byte(error, wanted_status, text, wanted_byte)                                 \
    do {                                                                                           \
        ck_failed(error, wanted_status, text);                                                     \
        ck_assert_msg((error).byte == (wanted_byte), "byte %" PRId64 ": %s", (error).byte,         \
                      (error).message);                                                            \
    } while (0)

struct buffer {
    unsigned char *bytes;
    size_t size;
};

static inline void buffer_add(struct buffer *buffer, const void *bytes, size_t size) {
    buffer->bytes = realloc(buffer->bytes, buffer->size + size + 1);
    if (!buffer->bytes)
        abort();
    if (size)
        memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    buffer->bytes[buffer->size] = 0;
}

static inline void buffer_free(struct buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

static inline struct buffer buffer_load(const char *path) {
    struct buffer buffer = {0};
    unsigned char block[4096];
    size_t got;
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        buffer_add(&buffer, block, got);
    fclose(file);
    return buffer;
}

static inline void buffer_little(struct buffer *buffer, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        buffer_add(buffer, &byte, 1);
    }
}

/* Appends one ustar member of the given type flag ('0' file, '1' hard link, '2' symbolic link). */
static inline void tar_add_kind(struct buffer *tar, char kind, const char *name, const char *link,
                                const void *bytes, size_t size) {
    unsigned char header[512] = {0};
    unsigned sum = 0;
    memcpy(header, name, strlen(name) < 100 ? strlen(name) : 100);
    memcpy(header + 157, link, strlen(link) < 100 ? strlen(link) : 100);
    memcpy(header + 100, "0000644", 8);
    memcpy(header + 108, "0000000", 8);
    memcpy(header + 116, "0000000", 8);
    snprintf((char *)header + 124, 12, "%011zo", size);
    snprintf((char *)header + 136, 12, "%011o", 0u);
    memset(header + 148, ' ', 8);
    header[156] = (unsigned char)kind;
    memcpy(header + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
    buffer_add(tar, header, 512);
    buffer_add(tar, bytes, size);
    memset(header, 0, sizeof header);
    buffer_add(tar, header, (512 - size % 512) % 512);
}

static inline void tar_add(struct buffer *tar, const char *name, const void *bytes, size_t size) {
    tar_add_kind(tar, '0', name, "", bytes, size);
}

static inline void tar_end(struct buffer *tar) {
    static const unsigned char zeros[1024];
    buffer_add(tar, zeros, sizeof zeros);
}

struct zip {
    struct buffer file, directory;
    int members;
};

/* The check sum of zip and gzip. */
static inline uint32_t crc32_of(const void *bytes, size_t size) {
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= ((const unsigned char *)bytes)[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return crc ^ 0xFFFFFFFFu;
}

/* A gzip file of at most 65535 bytes, stored. */
static inline struct buffer gzip_make(const void *bytes, size_t size) {
    struct buffer gzip = {0};
    buffer_add(&gzip, "\x1f\x8b\x08\0\0\0\0\0\0\xff\1", 11);
    buffer_little(&gzip, size, 2);
    buffer_little(&gzip, ~size, 2);
    buffer_add(&gzip, bytes, size);
    buffer_little(&gzip, crc32_of(bytes, size), 4);
    buffer_little(&gzip, size, 4);
    return gzip;
}

/* Appends one stored member. */
static inline void zip_add(struct zip *zip, const char *name, const void *bytes, size_t size) {
    struct buffer common = {0};
    uint32_t crc = crc32_of(bytes, size), at = (uint32_t)zip->file.size;
    buffer_little(&common, 20, 2);         /* version */
    buffer_little(&common, 0, 4);          /* flags, method: stored */
    buffer_little(&common, 0x00210000, 4); /* time, date */
    buffer_little(&common, crc, 4);
    buffer_little(&common, size, 4);
    buffer_little(&common, size, 4);
    buffer_little(&common, strlen(name), 2);
    buffer_little(&common, 0, 2); /* extra */
    buffer_add(&zip->file, "PK\3\4", 4);
    buffer_add(&zip->file, common.bytes, common.size);
    buffer_add(&zip->file, name, strlen(name));
    buffer_add(&zip->file, bytes, size);
    buffer_add(&zip->directory, "PK\1\2\24\0", 6);
    buffer_add(&zip->directory, common.bytes, common.size);
    buffer_little(&zip->directory, 0, 6); /* comment, disk, internal */
    buffer_little(&zip->directory, 0, 4); /* external */
    buffer_little(&zip->directory, at, 4);
    buffer_add(&zip->directory, name, strlen(name));
    buffer_free(&common);
    zip->members++;
}

/* The finished file; the zip is empty afterwards. */
static inline struct buffer zip_end(struct zip *zip) {
    struct buffer file = zip->file;
    size_t at = file.size;
    buffer_add(&file, zip->directory.bytes, zip->directory.size);
    buffer_add(&file, "PK\5\6\0\0\0\0", 8);
    buffer_little(&file, (uint64_t)zip->members, 2);
    buffer_little(&file, (uint64_t)zip->members, 2);
    buffer_little(&file, zip->directory.size, 4);
    buffer_little(&file, at, 4);
    buffer_little(&file, 0, 2);
    buffer_free(&zip->directory);
    *zip = (struct zip){0};
    return file;
}

/* An .npy with this text as its header (newline added), version 1, then the data. */
static inline struct buffer npy_raw(const char *header, const void *data, size_t size) {
    struct buffer npy = {0};
    buffer_add(&npy, "\x93NUMPY\1\0", 8);
    buffer_little(&npy, strlen(header) + 1, 2);
    buffer_add(&npy, header, strlen(header));
    buffer_add(&npy, "\n", 1);
    buffer_add(&npy, data, size);
    return npy;
}

/* The usual one: shape as Python writes it, e.g. "(3, 4)". */
static inline struct buffer npy_make(const char *descr, const char *shape, const void *data,
                                     size_t size) {
    char header[256];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
             shape);
    return npy_raw(header, data, size);
}

#endif
