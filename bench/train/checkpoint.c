/* SPDX-License-Identifier: MIT
 *
 * See checkpoint.h. A file is: header, configuration text, curve, then value and velocity of each
 * parameter, then the hash of all bytes before it. Native byte order: a checkpoint belongs to the
 * machine that goes on with it.
 */
#include "bench/train/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/output.h"

#define MAGIC "balactCK"
enum { VERSION = 1 };

struct header {
    char magic[8];
    uint32_t version, endian; /* endian: 0x01020304 as written */
    uint64_t file_bytes, configuration_bytes;
    int64_t step, finished, counted, curve_count, tensors, floats; /* floats: of all tensors */
    double seconds, loss, weight;
};

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *b = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void train_state_release(struct train_state *state) {
    free(state->curve);
    memset(state, 0, sizeof *state);
}

static int64_t count_floats(const struct balact_model *model) {
    int64_t floats = 0;
    for (size_t t = 0; t < model->parameter_count; t++)
        floats += 2 * model->parameters[t].n;
    return floats;
}

/* ---- Writing ---- */

struct sink {
    FILE *file;
    uint64_t hash;
};

static void put(struct sink *sink, const void *bytes, size_t size) {
    if (!size) /* an empty curve has no bytes to point to */
        return;
    sink->hash = hash_bytes(sink->hash, bytes, size);
    fwrite(bytes, 1, size, sink->file); /* errors are found at commit */
}

static balact_status put_tensors(struct sink *sink, const struct balact_model *model) {
    for (size_t t = 0; t < model->parameter_count; t++) {
        const struct balact_parameter *p = &model->parameters[t];
        size_t bytes = (size_t)p->n * sizeof(float);
        float *host = malloc(bytes);
        balact_status status = host ? BALACT_OK : BALACT_ERROR_MEMORY;
        const float *both[] = {p->value, p->velocity};
        for (int i = 0; i < 2 && status == BALACT_OK; i++) {
            status = model->backend->download(host, both[i], bytes);
            if (status == BALACT_OK)
                put(sink, host, bytes);
        }
        free(host);
        if (status != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}

balact_status checkpoint_write(const char *path, const char *configuration,
                               const struct train_state *state, const struct balact_model *model,
                               struct balact_error *error) {
    size_t curve_bytes = (size_t)state->curve_count * sizeof *state->curve;
    struct header header = {
        .magic = MAGIC,
        .version = VERSION,
        .endian = 0x01020304,
        .configuration_bytes = strlen(configuration),
        .step = state->step,
        .finished = state->finished,
        .counted = state->total.counted,
        .curve_count = state->curve_count,
        .tensors = (int64_t)model->parameter_count,
        .floats = count_floats(model),
        .seconds = state->seconds,
        .loss = state->total.loss,
        .weight = state->total.weight,
    };
    header.file_bytes = sizeof header + header.configuration_bytes + curve_bytes +
                        (uint64_t)header.floats * sizeof(float) + sizeof(uint64_t);
    struct balact_output output;
    balact_status status = balact_output_open(&output, path, error);
    if (status != BALACT_OK)
        return status;
    struct sink sink = {output.file, HASH_START};
    put(&sink, &header, sizeof header);
    put(&sink, configuration, header.configuration_bytes);
    put(&sink, state->curve, curve_bytes);
    status = put_tensors(&sink, model);
    if (status != BALACT_OK) {
        balact_output_abandon(&output);
        return balact_fail(error, status, "%s: cannot copy the weights: %s", path,
                           balact_status_name(status));
    }
    uint64_t hash = sink.hash;
    put(&sink, &hash, sizeof hash);
    return balact_output_commit(&output, error);
}

/* ---- Reading ---- */

static balact_status read_whole(const char *path, unsigned char **bytes, size_t *size, bool *found,
                                struct balact_error *error) {
    *bytes = NULL;
    *found = false;
    FILE *file = fopen(path, "rb");
    if (!file && errno == ENOENT)
        return BALACT_OK;
    balact_status status = BALACT_OK;
    long length = -1;
    if (!file || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) < 0 ||
        fseek(file, 0, SEEK_SET) != 0) {
        status =
            balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot read: %s", strerror(errno));
    } else if ((*bytes = malloc((size_t)length + 1)) == NULL) {
        status = balact_fail_at(error, BALACT_ERROR_MEMORY, path, 0, -1, "out of memory");
    } else if (fread(*bytes, 1, (size_t)length, file) != (size_t)length) {
        status = balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot read all of it");
    }
    if (file)
        fclose(file);
    *size = (size_t)length;
    *found = status == BALACT_OK;
    return status;
}

/* "learning_rate = 0.2" there against "learning_rate = 0.1" here: the first line that differs. */
static balact_status differs(const char *path, const char *there, size_t there_bytes,
                             const char *here, struct balact_error *error) {
    const char *end = there + there_bytes;
    while (there < end && *here) {
        size_t a = 0, b = strcspn(here, "\n");
        while (there + a < end && there[a] != '\n')
            a++;
        if (a != b || memcmp(there, here, a) != 0)
            return balact_fail_at(error, BALACT_ERROR_RANGE, path, 0, -1,
                                  "the checkpoint is of another configuration: '%.*s' there, "
                                  "'%.*s' now; train with the old settings, or without --resume",
                                  (int)(a < 200 ? a : 200), there, (int)(b < 200 ? b : 200), here);
        there += a + (there + a < end);
        here += b + (here[b] == '\n');
    }
    return balact_fail_at(error, BALACT_ERROR_RANGE, path, 0, -1,
                          "the checkpoint is of another configuration; train without --resume");
}

static balact_status check(const char *path, const unsigned char *bytes, size_t size,
                           const char *configuration, const struct balact_model *model,
                           struct header *header, struct balact_error *error) {
    uint64_t hash;
    if (size < sizeof *header + sizeof hash)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, (int64_t)size,
                              "the checkpoint ends within its header; delete it or train without "
                              "--resume");
    memcpy(header, bytes, sizeof *header);
    if (memcmp(header->magic, MAGIC, sizeof header->magic) != 0)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, 0, "not a checkpoint of balact");
    if (header->version != VERSION || header->endian != 0x01020304)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, 8,
                              "a checkpoint of version %u; this program writes and reads %d",
                              (unsigned)header->version, VERSION);
    if (header->file_bytes != size)
        return balact_fail_at(
            error, BALACT_ERROR_FORMAT, path, 0, (int64_t)size,
            "the checkpoint should have %llu bytes and has %zu: cut short? delete "
            "it or train without --resume",
            (unsigned long long)header->file_bytes, size);
    memcpy(&hash, bytes + size - sizeof hash, sizeof hash);
    if (hash != hash_bytes(HASH_START, bytes, size - sizeof hash))
        return balact_fail_at(
            error, BALACT_ERROR_FORMAT, path, 0, -1,
            "the checkpoint is damaged: its checksum is wrong; delete it or train "
            "without --resume");
    uint64_t rest = size - sizeof *header - sizeof hash;
    if (header->configuration_bytes > rest || header->curve_count < 0 || header->floats < 0 ||
        (uint64_t)header->curve_count > rest / sizeof(struct curve_point) ||
        (uint64_t)header->floats > rest / sizeof(float) ||
        header->configuration_bytes + (uint64_t)header->curve_count * sizeof(struct curve_point) +
                (uint64_t)header->floats * sizeof(float) !=
            rest)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, 16,
                              "the checkpoint's sizes contradict one another");
    const char *text = (const char *)bytes + sizeof *header;
    if (header->configuration_bytes != strlen(configuration) ||
        memcmp(text, configuration, header->configuration_bytes) != 0)
        return differs(path, text, header->configuration_bytes, configuration, error);
    if (header->tensors != (int64_t)model->parameter_count || header->floats != count_floats(model))
        return balact_fail_at(error, BALACT_ERROR_RANGE, path, 0, -1,
                              "the checkpoint is of a model of another size");
    return BALACT_OK;
}

static balact_status take_tensors(const unsigned char *bytes, struct balact_model *model) {
    for (size_t t = 0; t < model->parameter_count; t++) {
        struct balact_parameter *p = &model->parameters[t];
        size_t size = (size_t)p->n * sizeof(float);
        balact_status status = model->backend->upload(p->value, bytes, size);
        if (status == BALACT_OK)
            status = model->backend->upload(p->velocity, bytes + size, size);
        if (status != BALACT_OK)
            return status;
        bytes += 2 * size;
    }
    return BALACT_OK;
}

balact_status checkpoint_read(const char *path, const char *configuration,
                              struct train_state *state, struct balact_model *model, bool *found,
                              struct balact_error *error) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    struct header header;
    balact_status status = read_whole(path, &bytes, &size, found, error);
    if (status != BALACT_OK || !*found) {
        free(bytes);
        return status;
    }
    *found = false;
    status = check(path, bytes, size, configuration, model, &header, error);
    if (status == BALACT_OK) {
        const unsigned char *from = bytes + sizeof header + header.configuration_bytes;
        size_t curve_bytes = (size_t)header.curve_count * sizeof *state->curve;
        struct curve_point *curve = malloc(curve_bytes + 1);
        status = curve ? take_tensors(from + curve_bytes, model) : BALACT_ERROR_MEMORY;
        if (status == BALACT_OK) {
            memcpy(curve, from, curve_bytes);
            free(state->curve);
            *state = (struct train_state){
                .step = header.step,
                .finished = header.finished,
                .seconds = header.seconds,
                .total = {header.loss, header.weight, header.counted},
                .curve = curve,
                .curve_count = header.curve_count,
            };
            *found = true;
        } else {
            free(curve);
            balact_fail_at(error, status, path, 0, -1, "cannot take over the weights: %s",
                           balact_status_name(status));
        }
    }
    free(bytes);
    return status;
}
