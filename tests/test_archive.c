/* SPDX-License-Identifier: MIT
 *
 * datasets/archive.h: folders and archives of every kind, whole, cut and damaged. The files
 * tests/data/ok_archive.* were made by tar, gzip, xz, zstd, bzip2 and Python's zipfile; each holds
 * alpha.txt and sub/beta.bin (the tars also a symbolic link).
 */
#include "datasets/archive.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/files.h"

static struct balact_error error;

static unsigned char beta_byte(int i) {
    return (unsigned char)(i * i >> 3);
}

/* What a walk has found. */
struct found {
    int members;
    char names[16][64];
    int64_t sizes[16];
    struct buffer content; /* all members' bytes */
};

/* Reads all of an archive, closes it. */
static balact_status read_all(struct balact_archive *archive, struct found *found) {
    bool more = true;
    balact_status status = BALACT_OK;
    while (status == BALACT_OK) {
        char *bytes;
        int64_t size;
        status = balact_archive_next(archive, &more, &error);
        if (status != BALACT_OK || !more)
            break;
        status = balact_archive_read_all(archive, 1 << 20, &bytes, &size, &error);
        if (status != BALACT_OK)
            break;
        if (found->members < 16) {
            snprintf(found->names[found->members], 64, "%s", archive->member);
            found->sizes[found->members] = archive->size;
        }
        found->members++;
        buffer_add(&found->content, bytes, (size_t)size);
        free(bytes);
    }
    balact_archive_close(archive);
    return status;
}

static balact_status walk(const char *path, struct found *found) {
    struct balact_archive *archive;
    memset(found, 0, sizeof *found);
    memset(&error, 0, sizeof error);
    balact_status status = balact_archive_open(&archive, path, &error);
    return status == BALACT_OK ? read_all(archive, found) : status;
}

static void check_alpha_beta(const struct found *found) {
    ck_assert_int_eq(found->members, 2);
    ck_assert_str_eq(found->names[0], "alpha.txt");
    ck_assert_str_eq(found->names[1], "sub/beta.bin");
    ck_assert_int_eq(found->sizes[0], 6);
    ck_assert_int_eq(found->sizes[1], 2000);
    ck_assert_uint_eq(found->content.size, 2006);
    ck_assert_mem_eq(found->content.bytes, "alpha\n", 6);
    for (int i = 0; i < 2000; i++)
        ck_assert_int_eq(found->content.bytes[6 + i], beta_byte(i));
}

static const char *in_folder(const char *name) {
    static char path[2][800];
    static int which;
    which = !which;
    snprintf(path[which], sizeof path[which], "%s/%s", test_folder(), name);
    return path[which];
}

static void make_file(const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(file);
    fwrite(bytes, 1, size, file);
    fclose(file);
}

START_TEST(folder_is_walked_in_order) {
    struct found found;
    mkdir(in_folder("walk"), 0777);
    mkdir(in_folder("walk/a"), 0777);
    mkdir(in_folder("walk/empty"), 0777);
    make_file("walk/b", "b", 1);
    make_file("walk/a.txt", "a.txt", 5);
    make_file("walk/B", "B", 1);
    make_file("walk/a/x", "x", 1);
    make_file("walk/a/nothing", "", 0);
    make_file("beside", "beside", 6);
    ck_assert_int_eq(symlink("../beside", in_folder("walk/c")), 0);
    ck_assert_int_eq(symlink("..", in_folder("walk/a/loop")), 0);
    ck_assert_int_eq(symlink("self", in_folder("walk/self")), 0);
    ck_assert_int_eq(symlink("nowhere", in_folder("walk/dangling")), 0);
    ck_assert_int_eq(mkfifo(in_folder("walk/pipe"), 0666), 0);
    for (int slash = 0; slash < 2; slash++) {
        ck_assert_msg(walk(in_folder(slash ? "walk/" : "walk"), &found) == BALACT_OK, "%s",
                      error.message);
        static const char *const names[] = {"B", "a/nothing", "a/x", "a.txt", "b", "c"};
        ck_assert_int_eq(found.members, 6);
        for (int i = 0; i < 6; i++)
            ck_assert_str_eq(found.names[i], names[i]);
        ck_assert_str_eq((char *)found.content.bytes, "Bxa.txtbbeside");
        ck_assert_int_eq(found.sizes[5], 6);
        buffer_free(&found.content);
    }
}
END_TEST

START_TEST(folder_errors) {
    struct balact_archive *archive;
    bool more;
    char byte;
    size_t got;
    mkdir(in_folder("gone"), 0777);
    make_file("gone/file", "x", 1);
    ck_assert_int_eq(balact_archive_open(&archive, in_folder("gone"), &error), BALACT_OK);
    ck_assert_int_eq(balact_archive_read(archive, &byte, 1, &got, &error), BALACT_ERROR_ARGUMENT);
    ck_assert_int_eq(balact_archive_next(archive, &more, &error), BALACT_OK);
    ck_assert(more);
    unlink(in_folder("gone/file"));
    ck_assert_int_ne(balact_archive_read(archive, &byte, 1, &got, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/gone/file: cannot open: No such file or directory");
    balact_archive_close(archive);
    ck_assert_int_eq(balact_archive_open(&archive, in_folder("missing"), &error), BALACT_ERROR_IO);
    ck_assert_ptr_null(archive);
    ck_failed(error, BALACT_ERROR_IO, "/missing: cannot open: No such file or directory");
    if (geteuid() != 0) { /* root may read all */
        struct found found;
        mkdir(in_folder("shut"), 0);
        ck_assert_int_ne(walk(in_folder("shut"), &found), BALACT_OK);
        ck_failed(error, BALACT_ERROR_IO, "/shut/: cannot read folder: Permission denied");
    }
}
END_TEST

START_TEST(folder_too_deep) {
    struct found found;
    char path[700] = "deep";
    for (int i = 0; i < 101; i++) {
        mkdir(in_folder(path), 0777);
        strcat(path, "/d");
    }
    ck_assert_int_ne(walk(in_folder("deep"), &found), BALACT_OK);
    ck_failed(error, BALACT_ERROR_FORMAT, "more than 100 folders deep");
}
END_TEST

START_TEST(single_files) {
    struct balact_archive *archive;
    struct found found = {0};
    ck_assert_int_eq(balact_archive_open_file(&archive, test_write("one.txt", "one", 3), &error),
                     BALACT_OK);
    ck_assert_int_eq(read_all(archive, &found), BALACT_OK);
    ck_assert_int_eq(found.members, 1);
    ck_assert_str_eq(found.names[0], "one.txt");
    ck_assert_str_eq((char *)found.content.bytes, "one");
    buffer_free(&found.content);
    ck_assert_int_ne(balact_archive_open_file(&archive, "/", &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/: cannot open: it is a folder");
    ck_assert_int_ne(balact_archive_open_file(&archive, "/dev/zero", &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/dev/zero: cannot open: not a regular file");
    /* the first page of a process cannot be read */
    if (balact_archive_open_file(&archive, "/proc/self/mem", &error) == BALACT_OK) {
        memset(&found, 0, sizeof found);
        ck_assert_int_ne(read_all(archive, &found), BALACT_OK);
        ck_failed_at_byte(error, BALACT_ERROR_IO, "/proc/self/mem: byte 0: cannot read: ", 0);
    }
}
END_TEST

START_TEST(reading_is_bounded) {
    struct balact_archive *archive;
    bool more;
    char *bytes;
    void *block;
    int64_t size;
    ck_assert_int_eq(balact_archive_open_bytes(&archive, "bytes", "0123456789", 10, &error),
                     BALACT_OK);
    ck_assert_int_eq(balact_archive_next(archive, &more, &error), BALACT_OK);
    ck_assert_int_eq(balact_archive_read_exactly(archive, 2, &block, &error), BALACT_OK);
    ck_assert_mem_eq(block, "01", 2);
    free(block);
    ck_assert_int_ne(balact_archive_expect_end(archive, &error), BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "bytes: byte 2: bytes follow", 2);
    ck_assert_int_ne(balact_archive_read_all(archive, 6, &bytes, &size, &error), BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "longer than the 6 bytes", 6);
    ck_assert_int_ne(balact_archive_read_exactly(archive, (int64_t)1 << 40, &block, &error),
                     BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "1099511627776 bytes too early; is the file "
                                                  "truncated?", 10);
    ck_assert_int_eq(balact_archive_expect_end(archive, &error), BALACT_OK);
    balact_archive_close(archive);
}
END_TEST

#ifdef BALACT_HAVE_ARCHIVE

static const char *const kinds[] = {"tar.gz", "tar.xz", "tar.zst", "tar.bz2", "zip"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct buffer load_kind(int kind) {
    char path[64];
    snprintf(path, sizeof path, "tests/data/ok_archive.%s", kinds[kind]);
    return buffer_load(path);
}

static balact_status walk_memory(const void *bytes, size_t size, struct found *found) {
    struct balact_archive *archive;
    memset(found, 0, sizeof *found);
    memset(&error, 0, sizeof error);
    balact_status status = balact_archive_open_memory(&archive, "memory", bytes, size, &error);
    if (status != BALACT_OK)
        ck_assert_ptr_null(archive);
    return status == BALACT_OK ? read_all(archive, found) : status;
}

START_TEST(archives_of_each_kind) {
    for (int kind = 0; kind < KINDS; kind++) {
        struct found found;
        char path[64];
        snprintf(path, sizeof path, "tests/data/ok_archive.%s", kinds[kind]);
        ck_assert_msg(walk(path, &found) == BALACT_OK, "%s", error.message);
        check_alpha_beta(&found);
        buffer_free(&found.content);
        struct buffer file = load_kind(kind);
        ck_assert_msg(walk_memory(file.bytes, file.size, &found) == BALACT_OK, "%s",
                      error.message);
        check_alpha_beta(&found);
        buffer_free(&found.content);
        buffer_free(&file);
    }
}
END_TEST

/* No cut of a compressed archive goes unnoticed, wherever it is. */
START_TEST(cuts_are_noticed) {
    for (int kind = 0; kind < KINDS; kind++) {
        struct buffer file = load_kind(kind);
        for (size_t size = 0; size < file.size; size++) {
            struct found found;
            balact_status status = walk_memory(file.bytes, size, &found);
            ck_assert_msg(status == BALACT_ERROR_FORMAT, "%s cut at %zu of %zu: %s", kinds[kind],
                          size, file.size, balact_status_name(status));
            ck_failed(error, BALACT_ERROR_FORMAT, "memory");
            ck_assert_msg(error.byte >= 0, "%s", error.message);
            buffer_free(&found.content);
        }
        buffer_free(&file);
    }
}
END_TEST

/* No flipped bit of a compressed archive changes what is read: it is an error, or harmless. */
START_TEST(flips_are_noticed) {
    for (int kind = 0; kind < KINDS - 1; kind++) {
        struct buffer file = load_kind(kind);
        int noticed = 0;
        for (size_t at = 0; at < file.size; at++) {
            struct found found;
            file.bytes[at] ^= (unsigned char)(1 << at % 8);
            balact_status status = walk_memory(file.bytes, file.size, &found);
            file.bytes[at] ^= (unsigned char)(1 << at % 8);
            if (status == BALACT_OK)
                check_alpha_beta(&found);
            else
                noticed++;
            buffer_free(&found.content);
        }
        ck_assert_msg(noticed > (int)file.size * 3 / 4, "%s: %d of %zu", kinds[kind], noticed,
                      file.size);
        buffer_free(&file);
    }
}
END_TEST

START_TEST(tar_cut_between_members) {
    struct found found;
    struct buffer tar = {0};
    tar_add(&tar, "first", "1", 1);
    size_t after_first = tar.size;
    tar_add(&tar, "second", "2", 1);
    size_t whole = tar.size;
    tar_end(&tar);
    ck_assert_msg(walk_memory(tar.bytes, tar.size, &found) == BALACT_OK, "%s", error.message);
    ck_assert_int_eq(found.members, 2);
    buffer_free(&found.content);
    ck_assert_int_ne(walk_memory(tar.bytes, after_first, &found), BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "no end marker after the last member",
                      (int64_t)after_first);
    buffer_free(&found.content);
    for (size_t size = after_first + 1; size < whole; size++) {
        ck_assert_int_ne(walk_memory(tar.bytes, size, &found), BALACT_OK);
        ck_failed(error, BALACT_ERROR_FORMAT, "memory");
        buffer_free(&found.content);
    }
    buffer_free(&tar);
}
END_TEST

START_TEST(zip_data_has_check_sums) {
    static const unsigned char bytes[100] = {1, 2, 3};
    struct zip zip = {0};
    struct found found;
    zip_add(&zip, "a", bytes, sizeof bytes);
    struct buffer file = zip_end(&zip);
    for (size_t at = 0; at < sizeof bytes; at++) {
        file.bytes[31 + at] ^= 0x40;
        ck_assert_int_ne(walk_memory(file.bytes, file.size, &found), BALACT_OK);
        file.bytes[31 + at] ^= 0x40;
        ck_failed(error, BALACT_ERROR_FORMAT, "memory:a: byte ");
        ck_assert_ptr_nonnull(strstr(error.message, "CRC"));
        buffer_free(&found.content);
    }
    buffer_free(&file);
}
END_TEST

START_TEST(not_archives) {
    static const char *const texts[] = {"", "x", "just text, and a little more of it\n", "PK\5\6"};
    struct found found;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *path = test_write("not-an-archive", texts[i], strlen(texts[i]));
        ck_assert_int_ne(walk(path, &found), BALACT_OK);
        ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "/not-an-archive: byte 0: ", 0);
        if (i < 3)
            ck_failed(error, BALACT_ERROR_FORMAT,
                      i == 0 ? "the file is empty" : "not a folder, .tar, .tar.gz, .tar.xz, ");
    }
    /* a compressed file that is no tar */
    static const unsigned char gzip[] = {31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 228,
                                         2, 0, 77, 231, 64, 221, 2, 0, 0, 0};
    ck_assert_int_ne(walk_memory(gzip, sizeof gzip, &found), BALACT_OK);
    ck_failed(error, BALACT_ERROR_FORMAT, "memory: byte 0: ");
}
END_TEST

START_TEST(links_and_sparse_files_are_refused) {
    struct balact_archive *archive;
    struct buffer tar = {0};
    bool more;
    char byte;
    size_t got;
    tar_add(&tar, "file", "1", 1);
    tar_add_kind(&tar, '2', "symbolic", "file", NULL, 0);
    tar_add_kind(&tar, '1', "hard", "file", NULL, 0);
    tar_end(&tar);
    ck_assert_int_eq(balact_archive_open_memory(&archive, "links.tar", tar.bytes, tar.size, &error),
                     BALACT_OK);
    ck_assert_int_eq(balact_archive_next(archive, &more, &error), BALACT_OK);
    ck_assert_str_eq(archive->member, "file");
    ck_assert_int_eq(balact_archive_next(archive, &more, &error), BALACT_OK);
    ck_assert_str_eq(archive->member, "hard");
    ck_assert_int_ne(balact_archive_read(archive, &byte, 1, &got, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_FORMAT, "links.tar:hard: stored as a hard link");
    balact_archive_close(archive);
    buffer_free(&tar);
    struct found found;
    ck_assert_int_ne(walk("tests/data/bad_sparse.tar.gz", &found), BALACT_OK);
    ck_failed(error, BALACT_ERROR_FORMAT, "stored as a sparse file");
}
END_TEST

#else

START_TEST(archives_need_libarchive) {
    struct found found;
    ck_assert_int_ne(walk("tests/data/ok_archive.zip", &found), BALACT_OK);
    ck_failed(error, BALACT_ERROR_UNSUPPORTED, "Debian package libarchive-dev");
}
END_TEST

#endif

Suite *balact_suite(void) {
    Suite *suite = suite_create("archive");
    TCase *tests = tcase_create("archive");
    tcase_add_test(tests, folder_is_walked_in_order);
    tcase_add_test(tests, folder_errors);
    tcase_add_test(tests, folder_too_deep);
    tcase_add_test(tests, single_files);
    tcase_add_test(tests, reading_is_bounded);
#ifdef BALACT_HAVE_ARCHIVE
    tcase_add_test(tests, archives_of_each_kind);
    tcase_add_test(tests, cuts_are_noticed);
    tcase_add_test(tests, flips_are_noticed);
    tcase_add_test(tests, tar_cut_between_members);
    tcase_add_test(tests, zip_data_has_check_sums);
    tcase_add_test(tests, not_archives);
    tcase_add_test(tests, links_and_sparse_files_are_refused);
#else
    (void)check_alpha_beta;
    tcase_add_test(tests, archives_need_libarchive);
#endif
    suite_add_tcase(suite, tests);
    return suite;
}
