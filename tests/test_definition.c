/* SPDX-License-Identifier: MIT
 *
 * Definition files of experiments: what they set, and every way to get one wrong, with its line.
 */
#include "bench/train/definition.h"
#include "tests/files.h"

#ifdef BALACT_HAVE_INIH
static void expect_definition_error(const char *text, int64_t line, const char *part) {
    static struct settings settings;
    struct balact_error error = {.message = ""};
    const char *path = test_write("broken.ini", text, strlen(text));
    settings_init(&settings);
    definition_load(path, &settings, &error);
    ck_failed_at_line(error, BALACT_ERROR_FORMAT, part, line);
    ck_failed(error, BALACT_ERROR_FORMAT, "broken.ini");
}

START_TEST(broken_definitions) {
    expect_definition_error("[train]\nepochs = 5\nepocs = 6\n", 3, "did you mean epochs?");
    expect_definition_error("[train]\n\n; note\nepochs = ten\n", 4, "wants an integer, not 'ten'");
    expect_definition_error("[train]\nepochs = 2.5\n", 2, "wants an integer");
    expect_definition_error("[train]\nepochs = 0\n", 2, "must lie in");
    expect_definition_error("[train]\nlearning_rate = nan\n", 2, "wants a number");
    expect_definition_error("[trian]\nepochs = 5\n", 2, "did you mean [train]?");
    expect_definition_error("epochs = 5\n", 1, "before the first [section]");
    expect_definition_error("[data]\nepochs = 5\n", 2, "belongs in [train]");
    expect_definition_error("[train]\nepochs = 5\nbatch = 4\nepochs = 5\n", 4, "given twice");
    expect_definition_error("[train]\nmethods = softmax, sofmax\n", 2, "did you mean softmax?");
    expect_definition_error("[train]\nmethods = softmax, softmax\n", 2, "named twice");
    expect_definition_error("[train]\nseeds = 0\n", 2, "seeds wants");
    expect_definition_error("[train]\nseeds = 1, 2, 1\n", 2, "seed 1 is given twice");
    expect_definition_error("[train]\nnesterov = maybe\n", 2, "one of no|yes");
    expect_definition_error("[experiment]\ndata = imagenet\n", 2, "did you mean imagenet-lt?");
    expect_definition_error("[method.sigmod]\nepochs = 5\n", 2, "did you mean [method.sigmoid]?");
    expect_definition_error("[method.sigmoid]\nseeds = 5\n", 2, "belongs in [train]");
    expect_definition_error("[method.sigmoid]\nbatch = -5\n", 2, "must lie in");
    expect_definition_error("[train]\nepochs\n", 2, "neither [section] nor key = value");
    expect_definition_error("[train]\nepochs = 5\n  6\n", 3, "given twice");
    expect_definition_error("[data]\nfactors = 1, x\n", 2, "wants a number, not 'x'");
}
END_TEST

START_TEST(definition_values) {
    static struct settings settings;
    struct balact_error error = {.message = ""};
    char why[256], text[256];
    const char *definition =
        "[experiment]\ntitle = T\npurpose = one\n  two\n  three\ndata = cifar-lt\n"
        "[data]\nimbalance = 50\n"
        "[train]\nmethods = sigmoid softmax\nseeds = 4,2\nepochs = 7 ; why\n"
        "learning_rate = 0.3\nnesterov = yes\n"
        "[method.sigmoid]\nlearning_rate = 0.05\nepochs = 9\n";
    const char *path = test_write("fine.ini", definition, strlen(definition));
    settings_init(&settings);
    balact_status status = definition_load(path, &settings, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
    ck_assert_str_eq(settings.name, "fine");
    ck_assert_str_eq(settings.purpose, "one two three");
    ck_assert_int_eq(settings.kind, DATA_CIFAR_LT);
    ck_assert_int_eq((int)settings.method_count, 2);
    ck_assert_str_eq(settings.methods[0]->name, "sigmoid");
    ck_assert_int_eq((int)settings.seeds[0], 4);
    ck_assert_int_eq((int)settings.seeds[1], 2);
    ck_assert(settings_set(&settings, "train", "epochs", "3", SETTINGS_COMMAND, why, sizeof why));
    struct hyper sigmoid = settings_hyper(&settings, method_find("sigmoid"));
    struct hyper softmax = settings_hyper(&settings, method_find("softmax"));
    ck_assert_int_eq(sigmoid.epochs, 3); /* the command line beats the section */
    ck_assert_int_eq(softmax.epochs, 3);
    ck_assert(sigmoid.learning_rate == 0.05 && softmax.learning_rate == 0.3);
    ck_assert(sigmoid.nesterov);
    /* Every setting's text reads back as itself. */
    size_t count;
    const struct setting *table = settings_table(&count);
    for (size_t i = 0; i < count; i++) {
        char again[256];
        settings_get(&settings, i, text, sizeof text);
        ck_assert_msg(settings_set(&settings, table[i].section, table[i].key, text,
                                   SETTINGS_COMMAND, why, sizeof why),
                      "%s", why);
        settings_get(&settings, i, again, sizeof again);
        ck_assert_str_eq(text, again);
    }
    ck_assert_int_eq(definition_load("/nowhere/x.ini", &settings, &error), BALACT_ERROR_IO);
}
END_TEST

/* The definitions of the project themselves. */
START_TEST(shipped_definitions) {
    static const char *const names[] = {"imagenet-lt", "cifar-10-lt", "cifar-100-lt",
                                        "sample-size"};
    static struct settings settings;
    struct balact_error error = {.message = ""};
    char path[1200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!definition_find(names[i], path, sizeof path))
            TEST_SKIP("not run from the project's folder");
        settings_init(&settings);
        balact_status status = definition_load(path, &settings, &error);
        ck_assert_msg(status == BALACT_OK, "%s", error.message);
        ck_assert_msg(settings.title[0] && settings.purpose[0], "%s lacks title or purpose", path);
    }
}
END_TEST
#else
START_TEST(definitions_want_inih) {
    static struct settings settings;
    struct balact_error error = {.message = ""};
    settings_init(&settings);
    ck_assert_int_eq(definition_load("x.ini", &settings, &error), BALACT_ERROR_UNSUPPORTED);
    ck_failed(error, BALACT_ERROR_UNSUPPORTED, "libinih-dev");
}
END_TEST
#endif

Suite *balact_suite(void) {
    Suite *suite = suite_create("definition");
    TCase *definitions = tcase_create("definitions");
#ifdef BALACT_HAVE_INIH
    tcase_add_test(definitions, broken_definitions);
    tcase_add_test(definitions, definition_values);
    tcase_add_test(definitions, shipped_definitions);
#else
    tcase_add_test(definitions, definitions_want_inih);
#endif
    suite_add_tcase(suite, definitions);
    return suite;
}
