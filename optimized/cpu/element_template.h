/* SPDX-License-Identifier: MIT
 *
 * The storage type of logits and results for the kernel templates: fp32, or with ELEMENT_IS_F16 or
 * ELEMENT_IS_BF16 defined by the includer one of the 16-bit types, which are widened as they are
 * loaded and rounded to nearest even as they are stored. Part of activations_template.h.
 */
#if defined(ELEMENT_IS_F16) || defined(ELEMENT_IS_BF16)
typedef uint16_t element;
#ifdef ELEMENT_IS_F16
#define ELEMENT_DTYPE                   BALACT_F16
#define ELEMENT_LOAD(from)              v_load_f16(from)
#define ELEMENT_LOAD_FIRST(from, count) v_load_first_f16(from, count)
#define ELEMENT_PACK(v)                 v_to_f16(v)
#else
#define ELEMENT_DTYPE                   BALACT_BF16
#define ELEMENT_LOAD(from)              v_load_bf16(from)
#define ELEMENT_LOAD_FIRST(from, count) v_load_first_bf16(from, count)
#define ELEMENT_PACK(v)                 v_to_bf16(v)
#endif
#define ELEMENT_STORE(to, v)              v_store_16(to, ELEMENT_PACK(v))
#define ELEMENT_STORE_FIRST(to, count, v) v_store_first_16(to, count, ELEMENT_PACK(v))
#define ELEMENT_STREAM(to, v)             v_stream_16(to, ELEMENT_PACK(v))

static inline float element_value(element e) {
    float lane[V_WIDTH];
    v_store(lane, ELEMENT_LOAD_FIRST(&e, 1));
    return lane[0];
}

static inline element element_of(float value) {
    element e;
    ELEMENT_STORE_FIRST(&e, 1, v_set(value));
    return e;
}
#else
typedef float element;
#define ELEMENT_DTYPE                     BALACT_F32
#define ELEMENT_LOAD(from)                v_load(from)
#define ELEMENT_LOAD_FIRST(from, count)   v_load_masked(from, v_first(count))
#define ELEMENT_STORE(to, v)              v_store(to, v)
#define ELEMENT_STORE_FIRST(to, count, v) v_store_masked(to, v_first(count), v)
#define ELEMENT_STREAM(to, v)             v_stream(to, v)

static inline float element_value(element e) {
    return e;
}

static inline element element_of(float value) {
    return value;
}
#endif

/* Columns whose terms are added as one tree, and the unit of the unrolled loops. */
#define GROUP (4 * V_WIDTH)

/* Elements of a cache line. */
#define LINE (64 / (int64_t)sizeof(element))

/* Elements from `to` to the next line's beginning, `limit` at most. */
static inline int64_t elements_to_line(const element *to, int64_t limit) {
    int64_t count = (int64_t)((0 - (uintptr_t)to) % 64 / sizeof(element));
    return count < limit ? count : limit;
}
