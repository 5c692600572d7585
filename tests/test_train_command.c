/* SPDX-License-Identifier: MIT
 *
 * `balact train` as a whole: the same bytes for any number of threads, a kill and a signal
 * survived, errors. The command runs in a child, so that it can be killed: this program started
 * again with BALACT_TEST_COMMAND set.
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/program.h"
#include "tests/cross.h"
#include "tests/files.h"

#ifdef BALACT_HAVE_INIH
/* ---- Children ---- */

/* Runs `balact train` with words (NULL at the end) and returns its process. Output goes to a file
 * "output" in the test folder. */
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
        execl("/proc/self/exe", "test_train_command", (char *)NULL);
        _exit(98);
    }
    ck_assert(child > 0);
    return child;
}

/* In the child: the command instead of the tests. */
static void run_command_if_child(void) {
    const char *given = getenv("BALACT_TEST_COMMAND");
    char text[4096], *words[64];
    int count = 0;
    if (!given)
        return;
    snprintf(text, sizeof text, "%s", given); /* the command may start itself again */
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

/* A .npy of little-endian values, byte by byte. */
static void write_npy(const char *name, const char *type, const char *shape, const void *data,
                      size_t bytes) {
    char *file = malloc(128 + bytes), header[128];
    int used = snprintf(header, sizeof header,
                        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    memset(file, ' ', 128);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(file + 10, header, (size_t)used);
    file[127] = '\n';
    memcpy(file + 128, data, bytes);
    test_write(name, file, 128 + bytes);
    free(file);
}

/* A folder "given" with train and test features; returns its path. */
static const char *write_data(void) {
    static char folder[600];
    struct balact_dataset data;
    char shape[64];
    snprintf(folder, sizeof folder, "%s/given", test_folder());
    mkdir(folder, 0777);
    for (int split = 0; split < 2; split++) {
        const char *name = split ? "test" : "train";
        char file[64];
        make_data(&data, split ? 1 : 5, 2, (uint64_t)split + 1);
        snprintf(file, sizeof file, "given/%s_features.npy", name);
        snprintf(shape, sizeof shape, "(%lld, %d)", (long long)data.rows, DIM);
        write_npy(file, "<f4", shape, data.features, (size_t)data.rows * DIM * sizeof(float));
        snprintf(file, sizeof file, "given/%s_labels.npy", name);
        snprintf(shape, sizeof shape, "(%lld,)", (long long)data.rows);
        write_npy(file, "<i4", shape, data.labels, (size_t)data.rows * sizeof(int32_t));
        balact_dataset_release(&data);
    }
    return folder;
}

static const char *write_definition(void) {
    static char path[1024];
    const char *text = "[experiment]\ntitle = Quick\npurpose = a test\ndata = features\n"
                       "[train]\nseeds = 2\nepochs = 6\nbatch = 32\n"
                       "[method.sigmoid]\nlearning_rate = 0.1\n";
    snprintf(path, sizeof path, "%s", test_write("quick.ini", text, strlen(text)));
    return path;
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

static const char *const tables[] = {"metrics.csv", "per_class.csv", "curve.csv", "counts.csv"};

static void expect_same_tables(const char *a_folder, const char *b_folder) {
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        expect_same_file(a_folder, b_folder, tables[i]);
}

static void expect_output(const char *output, const char *part) {
    size_t size;
    unsigned char *text = slurp(output, &size);
    ck_assert_msg(strstr((char *)text, part) != NULL, "no '%s' in:\n%s", part, (char *)text);
    free(text);
}

/* Paths of the test folder that a command writes to. */
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
        "features", "--data", data, "--experiment", definition, "--out", out, __VA_ARGS__, NULL    \
    }

/* So long that a kill meets it (half a second), with few checkpoints: each waits for the disk. */
#define LONG_RUN                                                                                   \
    "--methods", "softmax,balanced_softmax", "--seeds", "1", "--epochs", "1000",                   \
        "--checkpoint-epochs", "100", "--quiet"

#define LARGE                                                                                      \
    "[experiment]\ntitle = Large\npurpose = a test\ndata = sample-size\n"                          \
    "[data]\nclasses = 100\ndim = 32\ntest_per_class = 20\nfactors = 1, 2\n"                       \
    "[train]\nmethods = softmax, balanced_sigmoid\nseeds = 1\nepochs = 2\nbatch = 1024\n"

START_TEST(threads_give_the_same_bytes) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("threads");
    ck_assert_int_eq(run_command(COMMAND(p.one, "--threads", "1"), p.output), 0);
    expect_output(p.output, "Balanced Sigmoid");
    expect_output(p.output, "sigmoid.learning_rate 0.1");
    expect_output(p.output, "given, split test");
    ck_assert_int_eq(run_command(COMMAND(p.two, "--threads=2"), p.output), 0);
    expect_same_tables(p.one, p.two);
    /* What stands in them: 4 methods x 2 seeds x (all, many, medium, few) x 6 metrics. */
    char path[1300];
    size_t size, lines = 0;
    snprintf(path, sizeof path, "%s/quick/metrics.csv", p.one);
    unsigned char *text = slurp(path, &size);
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    ck_assert_int_eq((int)lines, 1 + 4 * 2 * 3 * 6); /* 600, 300, 75, 25: many and medium only */
    ck_assert_ptr_nonnull(strstr((char *)text, "\nquick,given,test,softmax,1,all,top1,0."));
    ck_assert_ptr_nonnull(
        strstr((char *)text, "\nquick,given,test,balanced_sigmoid,2,medium,ece,"));
    ck_assert_ptr_null(strstr((char *)text, ",few,"));
    free(text);
}
END_TEST

/* Large enough for the kernels, the products and the evaluation to share their work among threads:
 * 1024 x 100 logits from 32 features. Known optimum and growing data come along. */
START_TEST(threads_share_large_heads) {
    struct places p = places_in_test_folder("large");
    const char *definition = test_write("quick.ini", LARGE, strlen(LARGE));
    char path[1024];
    snprintf(path, sizeof path, "%s", definition);
    for (int t = 0; t < 2; t++) {
        const char *const words[] = {"sample-size", "--experiment",    path,
                                     "--out",       t ? p.two : p.one, "--threads",
                                     t ? "2" : "1", "--quiet",         NULL};
        ck_assert_int_eq(run_command(words, p.output), 0);
    }
    expect_same_tables(p.one, p.two);
    snprintf(path, sizeof path, "%s/quick/metrics.csv", p.one);
    size_t size;
    unsigned char *text = slurp(path, &size);
    ck_assert_ptr_nonnull(
        strstr((char *)text, "\nquick,synthetic-100_x1,test,bayes,0,all,top1,0."));
    ck_assert_ptr_nonnull(
        strstr((char *)text, "\nquick,synthetic-100_x2,test,bayes,0,all,top1,0."));
    ck_assert_ptr_null(strstr((char *)text, "bayes,0,all,map"));
    free(text);
}
END_TEST

START_TEST(a_killed_run_resumes_to_the_same_bytes) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("kill");
    char checkpoint[1300], metrics[1300];
    snprintf(checkpoint, sizeof checkpoint, "%s/quick/checkpoints/given-balanced_softmax-1.ckpt",
             p.two);
    snprintf(metrics, sizeof metrics, "%s/quick/metrics.csv", p.two);
    ck_assert_int_eq(run_command(COMMAND(p.one, LONG_RUN), p.output), 0);
    /* Kill it within its second method, as soon as that has a checkpoint. */
    pid_t child = start_command(COMMAND(p.two, LONG_RUN), p.output);
    int status = 0;
    for (int tries = 0; access(checkpoint, F_OK) != 0; tries++) {
        ck_assert_msg(waitpid(child, &status, WNOHANG) == 0, "the run ended before it was killed");
        ck_assert_msg(tries < 60000, "no checkpoint within a minute");
        usleep(1000);
    }
    kill(child, SIGKILL);
    ck_assert(waitpid(child, &status, 0) == child);
    ck_assert_msg(WIFSIGNALED(status), "the run ended before it was killed");
    ck_assert_msg(access(metrics, F_OK) != 0, "results before the end");
    ck_assert_int_eq(run_command(COMMAND(p.two, LONG_RUN, "--resume"), p.output), 0);
    expect_same_tables(p.one, p.two);
    /* Weights too: both runs end in checkpoints of the last step. They hold times, so the tensors
     * are compared: everything from the last 2 * 28 floats to the checksum. */
    size_t a_size, b_size, tail = 2 * CLASSES * (DIM + 1) * sizeof(float) + 8;
    unsigned char *b = slurp(checkpoint, &b_size);
    snprintf(checkpoint, sizeof checkpoint, "%s/quick/checkpoints/given-balanced_softmax-1.ckpt",
             p.one);
    unsigned char *a = slurp(checkpoint, &a_size);
    ck_assert(a_size == b_size && a_size > tail);
    ck_assert(!memcmp(a + a_size - tail, b + b_size - tail, tail - 8));
    free(a);
    free(b);
    /* Another configuration does not go on from there. */
    ck_assert_int_eq(
        run_command(COMMAND(p.two, LONG_RUN, "--resume", "--momentum", "0.8"), p.output), 2);
    expect_output(p.output, "'momentum = 0.9' there, 'momentum = 0.8' now");
}
END_TEST

START_TEST(a_signal_saves_and_says_how_to_go_on) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("signal");
    char folder[1300];
    struct stat info;
    int status = 0;
    snprintf(folder, sizeof folder, "%s/quick/checkpoints", p.one);
    pid_t child =
        start_command(COMMAND(p.one, "--epochs", "100000", "--checkpoint-epochs", "0"), p.output);
    for (int tries = 0; stat(folder, &info) != 0 && tries < 60000; tries++)
        usleep(1000);
    usleep(100000); /* into the training */
    kill(child, SIGTERM);
    ck_assert(waitpid(child, &status, 0) == child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGTERM);
    expect_output(p.output, "--resume");
}
END_TEST

START_TEST(usage_errors) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("usage");
    static const struct {
        const char *words[12], *part;
    } cases[] = {
        {{NULL}, "on what?"},
        {{"imagnet-lt", NULL}, "did you mean imagenet-lt?"},
        {{"features", "--out", "x", NULL}, "wants --data PATH"},
        {{"features", "--data", "x", NULL}, "x: cannot open"},
        {{"sample-size", "--data", "x", "--out", "y", NULL}, "makes its own data"},
        {{"features", "--dta", "x", NULL}, "did you mean --data?"},
        {{"features", "--data", "x", "--out", "y", "--experiment", "none-such", NULL},
         "no definition none-such.ini"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(run_command(cases[i].words, p.output), 2);
        expect_output(p.output, cases[i].part);
    }
    static const struct {
        const char *option, *value, *part;
    } options[] = {
        {"--methods", "sofmax", "did you mean softmax?"},
        {"--epochs", "-1", "must lie in"},
        {"--backend", "avx3", "no backend 'avx3'"},
        {"--name", "a/b", "--name may hold"},
        {"--classes", "3", "outside [0, 3)"},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        ck_assert_int_eq(run_command(COMMAND(p.one, options[i].option, options[i].value), p.output),
                         2);
        expect_output(p.output, options[i].part);
    }
    char metrics[1300];
    snprintf(metrics, sizeof metrics, "%s/quick/metrics.csv", p.one);
    ck_assert_msg(access(metrics, F_OK) != 0, "results after an error");
}
END_TEST

START_TEST(classes_without_images) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("zero");
    ck_assert_int_eq(run_command(COMMAND(p.one, "--classes", "5", "--seeds", "1"), p.output), 2);
    expect_output(p.output, "method balanced_softmax");
    expect_output(p.output, "--zero-count");
    ck_assert_int_eq(
        run_command(COMMAND(p.one, "--classes", "5", "--seeds", "1", "--zero-count", "mask"),
                    p.output),
        0);
}
END_TEST
#else
START_TEST(the_command_wants_definitions) {
    TEST_SKIP("built without inih (libinih-dev)");
}
END_TEST
#endif

Suite *balact_suite(void) {
#ifdef BALACT_HAVE_INIH
    run_command_if_child();
#endif
    Suite *suite = suite_create("train_command");
    TCase *command = tcase_create("command");
#ifdef BALACT_HAVE_INIH
    tcase_add_test(command, threads_give_the_same_bytes);
    tcase_add_test(command, threads_share_large_heads);
    tcase_add_test(command, a_killed_run_resumes_to_the_same_bytes);
    tcase_add_test(command, a_signal_saves_and_says_how_to_go_on);
    tcase_add_test(command, usage_errors);
    tcase_add_test(command, classes_without_images);
#else
    tcase_add_test(command, the_command_wants_definitions);
#endif
    suite_add_tcase(suite, command);
    return suite;
}
