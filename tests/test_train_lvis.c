/* SPDX-License-Identifier: MIT
 *
 * `balact train lvis` as a whole on a tiny set made here: the same bytes for any number of threads
 * and any memory, a kill survived, results in the official format, what is learned, errors. The
 * command runs in a child: this program started again with BALACT_TEST_COMMAND set.
 */
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "balact/random.h"
#include "bench/program.h"
#include "tests/cross.h"
#include "tests/files.h"

#if defined(BALACT_HAVE_INIH) && defined(BALACT_HAVE_ARCHIVE) &&                                  \
    defined(BALACT_HAVE_JANSSON) && defined(BALACT_HAVE_SIMDJSON)
#include <jansson.h>

/* ---- Children ---- */

static pid_t start_command(const char *const *words, const char *output) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char joined[4096] = "train";
        for (; *words; words++)
            snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "\n%s", *words);
        setenv("BALACT_TEST_COMMAND", joined, 1);
        if (!freopen(output, "w", stdout) || dup2(fileno(stdout), 2) < 0)
            _exit(99);
        execl("/proc/self/exe", "test_train_lvis", (char *)NULL);
        _exit(98);
    }
    ck_assert(child > 0);
    return child;
}

static void run_command_if_child(void) {
    const char *given = getenv("BALACT_TEST_COMMAND");
    char text[4096], *words[64];
    int count = 0;
    if (!given)
        return;
    snprintf(text, sizeof text, "%s", given);
    for (char *word = strtok(text, "\n"); word && count < 63; word = strtok(NULL, "\n"))
        words[count++] = word;
    words[count] = NULL;
    exit(balact_command_train(count, words));
}

static int run_command(const char *const *words, const char *output) {
    int status = 0;
    pid_t child = start_command(words, output);
    ck_assert(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void expect_output(const char *output, const char *part) {
    size_t size;
    unsigned char *text = slurp(output, &size);
    ck_assert_msg(strstr((char *)text, part) != NULL, "no '%s' in:\n%s", part, (char *)text);
    free(text);
}

/* ---- The set: 4 categories, of which the last is rare; ids with gaps ---- */

enum { TRAIN_IMAGES = 90, VAL_IMAGES = 30, PER_IMAGE = 8 };

static const int category_ids[CLASSES] = {2, 5, 9, 11};

/* What an image shows: one object, of category 0 most often. */
static int category_of(int split, int image) {
    return split ? image % CLASSES
                 : (image % 90 < 60) ? 0 : (image % 90 < 80) ? 1 : (image % 90 < 87) ? 2 : 3;
}

static void object_box(int split, int image, float box[4]) {
    for (int k = 0; k < 4; k++)
        box[k] = (float)(20 + 40 * balact_random_uniform(9, (uint64_t)split,
                                                         (uint64_t)(4 * image + k)));
}

static void write_annotations(const char *name, int split) {
    static const char frequency[CLASSES + 1] = "ffcr";
    int images = split ? VAL_IMAGES : TRAIN_IMAGES;
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fprintf(f, "{\"images\":[");
    for (int i = 0; i < images; i++)
        fprintf(f,
                "%s{\"id\":%d,\"width\":200,\"height\":100,\"neg_category_ids\":[%d],"
                "\"not_exhaustive_category_ids\":[]}",
                i ? "," : "", 10 + 3 * i, category_ids[(category_of(split, i) + 1) % CLASSES]);
    fprintf(f, "],\"annotations\":[");
    for (int i = 0; i < images; i++) {
        float b[4];
        object_box(split, i, b);
        fprintf(f,
                "%s{\"id\":%d,\"image_id\":%d,\"category_id\":%d,\"bbox\":[%.9g,%.9g,%.9g,%.9g],"
                "\"area\":%.9g,\"segmentation\":[[%.9g,%.9g,%.9g,%.9g,%.9g,%.9g]]}",
                i ? "," : "", i + 1, 10 + 3 * i, category_ids[category_of(split, i)], b[0], b[1],
                b[2], b[3], b[2] * b[3] / 2, b[0], b[1], b[0] + b[2], b[1], b[0], b[1] + b[3]);
    }
    fprintf(f, "],\"categories\":[");
    for (int c = 0; c < CLASSES; c++)
        fprintf(f,
                "%s{\"id\":%d,\"name\":\"c%d\",\"frequency\":\"%c\",\"image_count\":1,"
                "\"instance_count\":1}",
                c ? "," : "", category_ids[c], c, frequency[c]);
    fprintf(f, "]}");
    fclose(f);
    test_write(name, text, size);
    free(text);
}

static void add_array(struct zip *zip, const char *name, const char *descr, const char *shape,
                      const void *data, size_t size) {
    struct buffer npy = npy_make(descr, shape, data, size);
    zip_add(zip, name, npy.bytes, npy.size);
    buffer_free(&npy);
}

/* Images first .. end of a split: the object twice, the rest background. */
static void write_shard(const char *name, int split, int first, int end) {
    enum { LIMIT = TRAIN_IMAGES * PER_IMAGE };
    static float features[LIMIT * DIM], boxes[LIMIT * 4];
    static int64_t ids[LIMIT];
    static int32_t labels[LIMIT];
    int rows = 0;
    for (int i = first; i < end; i++)
        for (int r = 0; r < PER_IMAGE; r++, rows++) {
            int category = category_of(split, i);
            bool object = r < 2;
            uint64_t at = (uint64_t)(i * PER_IMAGE + r) * (DIM + 1);
            ids[rows] = 10 + 3 * i;
            labels[rows] = object ? category_ids[category] : 0;
            object_box(split, i, boxes + 4 * rows);
            boxes[4 * rows] += object ? (float)r : 90;
            for (int d = 0; d < DIM; d++)
                features[rows * DIM + d] =
                    (float)(balact_random_normal(3, (uint64_t)split, at + (uint64_t)d) +
                            (object && d == category ? 3 : 0));
        }
    struct zip zip = {0};
    char shape[64];
    snprintf(shape, sizeof shape, "(%d, %d)", rows, DIM);
    add_array(&zip, "features.npy", "<f4", shape, features, (size_t)(rows * DIM) * 4);
    snprintf(shape, sizeof shape, "(%d, 4)", rows);
    add_array(&zip, "boxes.npy", "<f4", shape, boxes, (size_t)rows * 16);
    snprintf(shape, sizeof shape, "(%d,)", rows);
    add_array(&zip, "image_ids.npy", "<i8", shape, ids, (size_t)rows * 8);
    add_array(&zip, "labels.npy", "<i4", shape, labels, (size_t)rows * 4);
    struct buffer shard = zip_end(&zip);
    test_write(name, shard.bytes, shard.size);
    buffer_free(&shard);
}

static const char *write_data(void) {
    static char folder[600];
    snprintf(folder, sizeof folder, "%s/given", test_folder());
    mkdir(folder, 0777);
    write_annotations("given/lvis_train.json", 0);
    write_annotations("given/lvis_val.json", 1);
    write_shard("given/train_rois-00000-of-00002.npz", 0, 0, 50);
    write_shard("given/train_rois-00001-of-00002.npz", 0, 50, TRAIN_IMAGES);
    write_shard("given/val_rois-00000-of-00001.npz", 1, 0, VAL_IMAGES);
    return folder;
}

static const char *write_definition(void) {
    static char path[1024];
    const char *text = "[experiment]\ntitle = Quick\npurpose = a test\ndata = lvis\n"
                       "[train]\nseeds = 2\nlearning_rate = 0.05\n"
                       "[lvis]\nstage1_steps = 60\nstage2_steps = 30\nimages_per_batch = 8\n"
                       "rois_per_image = 6\nkeep_results = yes\n"
                       /* one column's share of a softmax's gradient wants a larger rate */
                       "[method.sigmoid]\nlearning_rate = 0.5\n"
                       "[method.balanced_sigmoid]\nlearning_rate = 0.5\n";
    snprintf(path, sizeof path, "%s", test_write("quick.ini", text, strlen(text)));
    return path;
}

struct places {
    char one[600], two[600], output[600];
};

static struct places places_in_test_folder(const char *name) {
    struct places p;
    snprintf(p.one, sizeof p.one, "%s/%s-1", test_folder(), name);
    snprintf(p.two, sizeof p.two, "%s/%s-2", test_folder(), name);
    snprintf(p.output, sizeof p.output, "%s/%s-output", test_folder(), name);
    return p;
}

#define COMMAND(out, ...)                                                                          \
    (const char *const[]) {                                                                        \
        "lvis", "--data", data, "--experiment", definition, "--out", out, __VA_ARGS__, NULL        \
    }

static void expect_same_file(const char *a_folder, const char *b_folder, const char *name) {
    char path[1300];
    size_t a_size, b_size;
    snprintf(path, sizeof path, "%s/quick/%s", a_folder, name);
    unsigned char *a = slurp(path, &a_size);
    snprintf(path, sizeof path, "%s/quick/%s", b_folder, name);
    unsigned char *b = slurp(path, &b_size);
    ck_assert_msg(a_size == b_size && !memcmp(a, b, a_size), "%s differs", name);
    ck_assert_int_gt((int)a_size, 50);
    free(a);
    free(b);
}

static void expect_same_run(const char *a, const char *b) {
    static const char *const names[] = {"metrics.csv", "curve.csv", "counts.csv",
                                        "results-softmax-1.json", "results-balanced_sigmoid-1.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_same_file(a, b, names[i]);
}

/* ---- Tests ---- */

START_TEST(threads_and_memory_give_the_same_bytes) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("threads");
    ck_assert_int_eq(run_command(COMMAND(p.one, "--threads", "1"), p.output), 0);
    ck_assert_int_eq(run_command(COMMAND(p.two, "--threads", "2", "--memory-mib", "0"), p.output),
                     0);
    expect_same_run(p.one, p.two);
    expect_same_file(p.one, p.two, "results-balanced_softmax-2.json");
}
END_TEST

/* Score of the best detection of an image's own category, over images of one category. */
static double mean_true_score(const char *path, int category) {
    json_error_t why;
    json_t *root = json_load_file(path, 0, &why), *item;
    double best[VAL_IMAGES] = {0}, sum = 0, last_score = 2;
    int64_t last_image = -1;
    size_t i;
    int images = 0;
    ck_assert_msg(root != NULL, "%s: %s", path, why.text);
    ck_assert(json_is_array(root));
    json_array_foreach(root, i, item) {
        int64_t image = json_integer_value(json_object_get(item, "image_id"));
        int64_t id = json_integer_value(json_object_get(item, "category_id"));
        double score = json_real_value(json_object_get(item, "score"));
        ck_assert_int_eq(json_array_size(json_object_get(item, "bbox")), 4);
        ck_assert(score > 1e-4 && score <= 1);
        ck_assert(id == 2 || id == 5 || id == 9 || id == 11);
        ck_assert_msg(image != last_image || score <= last_score, "not by falling score");
        last_image = image;
        last_score = score;
        int index = (int)(image - 10) / 3;
        if (id == category_ids[category_of(1, index)] && score > best[index])
            best[index] = score;
    }
    json_decref(root);
    for (int k = 0; k < VAL_IMAGES; k++)
        if (category_of(1, k) == category) {
            sum += best[k];
            images++;
        }
    return sum / images;
}

START_TEST(balanced_heads_believe_in_the_rare) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("rare");
    static const char *const pairs[2][2] = {{"softmax", "balanced_softmax"},
                                            {"sigmoid", "balanced_sigmoid"}};
    char path[1300];
    ck_assert_int_eq(run_command(COMMAND(p.one, "--seeds", "1"), p.output), 0);
    for (int f = 0; f < 2; f++) {
        double rare[2], frequent[2];
        for (int m = 0; m < 2; m++) {
            snprintf(path, sizeof path, "%s/quick/results-%s-1.json", p.one, pairs[f][m]);
            rare[m] = mean_true_score(path, 3);
            frequent[m] = mean_true_score(path, 0);
        }
        ck_assert_msg(rare[1] > rare[0] + 0.1, "%s: rare %.3f, balanced %.3f", pairs[f][0],
                      rare[0], rare[1]);
        ck_assert_msg(frequent[0] > 0.5, "%s: frequent %.3f", pairs[f][0], frequent[0]);
    }
}
END_TEST

START_TEST(a_killed_run_resumes_to_the_same_bytes) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("kill");
    char checkpoint[1300];
#define LONG "--stage2-steps", "4000", "--methods", "softmax,balanced_sigmoid", "--seeds", "1,"
    snprintf(checkpoint, sizeof checkpoint, "%s/quick/checkpoints/lvis-balanced_sigmoid-stage2-1.ckpt",
             p.two);
    ck_assert_int_eq(run_command(COMMAND(p.one, LONG), p.output), 0);
    pid_t child = start_command(COMMAND(p.two, LONG, "--checkpoint-seconds", "0.01"), p.output);
    int status = 0;
    for (int tries = 0; access(checkpoint, F_OK) != 0; tries++) {
        ck_assert_msg(waitpid(child, &status, WNOHANG) == 0, "the run ended before it was killed");
        ck_assert_msg(tries < 60000, "no checkpoint within a minute");
        usleep(1000);
    }
    kill(child, SIGKILL);
    ck_assert(waitpid(child, &status, 0) == child);
    ck_assert_msg(WIFSIGNALED(status), "the run ended before it was killed");
    ck_assert_int_eq(run_command(COMMAND(p.two, LONG, "--resume"), p.output), 0);
    expect_same_run(p.one, p.two);
    ck_assert_int_eq(
        run_command(COMMAND(p.two, LONG, "--resume", "--rois-per-image", "5"), p.output), 2);
    expect_output(p.output, "'rois_per_image = 6' there, 'rois_per_image = 5' now");
}
END_TEST

START_TEST(usage_errors) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("usage");
    static const struct {
        const char *option, *value, *part;
    } options[] = {
        {"--methods", "softmax_class_balanced", "class-balanced sampling are for other data"},
        {"--objectness", "yes", "have no objectness.npy"},
        {"--prior", "instances", "did you mean instance?"},
        {"--train-annotations", "/nowhere.json", "/nowhere.json"},
        {"--foreground-share", "2", "must lie in"},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        ck_assert_int_eq(run_command(COMMAND(p.one, options[i].option, options[i].value), p.output),
                         2);
        expect_output(p.output, options[i].part);
    }
    ck_assert_int_eq(
        run_command(COMMAND(p.one, "--stage1-steps", "0", "--stage2-steps", "0"), p.output), 2);
    expect_output(p.output, "nothing to train");
    write_shard("given/train_rois-00001-of-00002.npz", 0, 50, TRAIN_IMAGES);
    write_annotations("given/lvis_train.json", 1); /* 30 of the 90 images */
    ck_assert_int_eq(run_command(COMMAND(p.one, "--seeds", "1"), p.output), 2);
    expect_output(p.output, "do the annotations belong to these RoIs?");
    char metrics[1300];
    snprintf(metrics, sizeof metrics, "%s/quick/metrics.csv", p.one);
    ck_assert_msg(access(metrics, F_OK) != 0, "results after an error");
}
END_TEST
#else
START_TEST(the_command_wants_libraries) {
    TEST_SKIP("built without one of inih, libarchive, jansson and simdjson");
}
END_TEST
#endif

Suite *balact_suite(void) {
#if defined(BALACT_HAVE_INIH) && defined(BALACT_HAVE_ARCHIVE) &&                                  \
    defined(BALACT_HAVE_JANSSON) && defined(BALACT_HAVE_SIMDJSON)
    run_command_if_child();
    Suite *suite = TEST_SUITE("train_lvis", threads_and_memory_give_the_same_bytes,
                              balanced_heads_believe_in_the_rare,
                              a_killed_run_resumes_to_the_same_bytes, usage_errors);
    return suite;
#else
    return TEST_SUITE("train_lvis", the_command_wants_libraries);
#endif
}
