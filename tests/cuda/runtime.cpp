/* SPDX-License-Identifier: MIT
 *
 * The CUDA runtime of one small device: what it says of itself, memory and copies.
 */
#include <stdio.h>
#include <string.h>

#include "work.h"

using namespace emulation;

/* ---- The device ---- */

namespace emulation {

int major_version = 9, minor_version = 0;
static int64_t fail_after = -1;

/* BALACT_EMULATED_SM=75 makes it an older one. */
__attribute__((constructor)) static void choose_device() {
    const char *text = getenv("BALACT_EMULATED_SM");
    int version = text ? atoi(text) : 90;
    major_version = version / 10;
    minor_version = version % 10;
}

static int shared_most() {
    switch (major_version * 10 + minor_version) {
    case 75:
        return 64 * 1024;
    case 80:
        return 163 * 1024;
    case 86:
    case 89:
        return 99 * 1024;
    default:
        return SHARED_MOST;
    }
}

cudaError_t check_grid(const grid &g) {
    uint64_t threads = (uint64_t)g.threads.x * g.threads.y * g.threads.z;
    if (threads == 0 || threads > MOST_THREADS || g.threads.z > 64 || g.blocks.x == 0 ||
        g.blocks.x > 0x7fffffffu || g.blocks.y == 0 || g.blocks.y > 65535 || g.blocks.z == 0 ||
        g.blocks.z > 65535)
        return say(emulated_cuda::cudaErrorInvalidConfiguration);
    if (g.shared_bytes > (size_t)shared_most())
        return say(emulated_cuda::cudaErrorInvalidValue);
    if (g.cluster > 1 && (major_version < 9 || g.cluster > MOST_CLUSTER ||
                          (g.cluster & (g.cluster - 1)) || g.blocks.x % g.cluster))
        return say(emulated_cuda::cudaErrorInvalidConfiguration);
    return emulated_cuda::cudaSuccess;
}

static thread_local cudaError_t last_error;

cudaError_t say(cudaError_t error) {
    if (error != emulated_cuda::cudaSuccess)
        last_error = error;
    return error;
}

} // namespace emulation

extern "C" void emulation_fail_allocation(int64_t after) {
    emulation::fail_after = after;
}

namespace emulated_cuda {

const char *cudaGetErrorName(cudaError_t error) {
    switch (error) {
#define NAME(name, number, text)                                                                   \
    case name:                                                                                     \
        return #name;
        EMULATED_ERROR_LIST(NAME)
#undef NAME
    }
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
    switch (error) {
#define TEXT(name, number, text)                                                                   \
    case name:                                                                                     \
        return text;
        EMULATED_ERROR_LIST(TEXT)
#undef TEXT
    }
    return "unrecognized error code";
}

cudaError_t cudaGetLastError() {
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError() {
    return last_error;
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = 13000;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = 13000;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count) {
    *count = 1;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
    *device = 0;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    return say(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

/* Few multiprocessors, so that blocks which stay for many rows have them. */
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device) {
    if (device != 0)
        return say(cudaErrorInvalidDevice);
    *p = {};
    snprintf(p->name, sizeof p->name, "emulated on the host");
    p->totalGlobalMem = (size_t)4 << 30;
    p->sharedMemPerBlock = 48 * 1024;
    p->sharedMemPerBlockOptin = (size_t)shared_most();
    p->sharedMemPerMultiprocessor = (size_t)shared_most() + (major_version > 7 ? 1024 : 0);
    p->multiProcessorCount = 3;
    p->maxThreadsPerMultiProcessor = major_version > 7 ? 2048 : 1024;
    p->maxThreadsPerBlock = MOST_THREADS;
    p->warpSize = LANES;
    p->regsPerMultiprocessor = 65536;
    p->l2CacheSize = 4 << 20;
    p->major = major_version;
    p->minor = minor_version;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
    cudaDeviceProp p;
    cudaError_t error = cudaGetDeviceProperties(&p, device);
    if (error != cudaSuccess)
        return error;
    switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
        *value = p.maxThreadsPerBlock;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = (int)p.sharedMemPerBlock;
        break;
    case cudaDevAttrWarpSize:
        *value = p.warpSize;
        break;
    case cudaDevAttrMultiProcessorCount:
        *value = p.multiProcessorCount;
        break;
    case cudaDevAttrL2CacheSize:
        *value = p.l2CacheSize;
        break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = p.maxThreadsPerMultiProcessor;
        break;
    case cudaDevAttrComputeCapabilityMajor:
        *value = p.major;
        break;
    case cudaDevAttrComputeCapabilityMinor:
        *value = p.minor;
        break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        *value = (int)p.sharedMemPerMultiprocessor;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = (int)p.sharedMemPerBlockOptin;
        break;
    case cudaDevAttrClusterLaunch:
        *value = p.major >= 9;
        break;
    }
    return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void *, cudaFuncAttribute attribute, int value) {
    if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && value > shared_most())
        return say(cudaErrorInvalidValue);
    return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, const void *) {
    *attributes = {};
    attributes->maxThreadsPerBlock = MOST_THREADS;
    attributes->binaryVersion = major_version * 10 + minor_version;
    return cudaSuccess;
}

/* ---- Memory ---- */

static cudaError_t take(void **memory, size_t bytes) {
    *memory = NULL;
    if (bytes == 0)
        return cudaSuccess;
    if (fail_after >= 0 && fail_after-- == 0)
        return say(cudaErrorMemoryAllocation);
    *memory = device_alloc(bytes);
    return *memory ? cudaSuccess : say(cudaErrorMemoryAllocation);
}

cudaError_t cudaMalloc(void **memory, size_t bytes) {
    lock lock;
    return may_wait() ? take(memory, bytes) : say(cudaErrorStreamCaptureUnsupported);
}

cudaError_t cudaFree(void *memory) {
    lock lock;
    if (!may_wait())
        return say(cudaErrorStreamCaptureUnsupported);
    drain_all();
    if (memory && !device_free(memory))
        crime("cudaFree of %s", describe(memory));
    return cudaSuccess;
}

cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t) {
    lock lock;
    return take(memory, bytes);
}

struct freeing : operation {
    void *memory;
    freeing(void *memory_) : memory(memory_) {}
    static void now(operation *self) {
        void *memory = ((freeing *)self)->memory;
        if (!device_free(memory))
            crime("cudaFreeAsync of %s", describe(memory));
    }
};

/* In a capture the memory stays the graph's, which may be run many times. */
cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream) {
    lock lock;
    if (!memory)
        return cudaSuccess;
    operation *one = make<freeing>(memory);
    (stream_of(stream)->graph ? one->release : one->run) = freeing::now;
    return enqueue(stream, one);
}

/* Memory of the host that the device may read while the program goes on. */
struct pinned {
    char *from;
    size_t bytes;
    pinned *next;
};
static pinned *all_pinned;

static bool is_pinned(const void *memory) {
    for (pinned *p = all_pinned; p; p = p->next)
        if ((const char *)memory >= p->from && (const char *)memory < p->from + p->bytes)
            return true;
    return false;
}

cudaError_t cudaHostRegister(void *memory, size_t bytes, unsigned) {
    lock lock;
    if (!memory || !bytes)
        return say(cudaErrorInvalidValue);
    if (is_pinned(memory))
        return say(cudaErrorHostMemoryAlreadyRegistered);
    pinned *p = (pinned *)malloc(sizeof *p);
    *p = {(char *)memory, bytes, all_pinned};
    all_pinned = p;
    return cudaSuccess;
}

cudaError_t cudaHostUnregister(void *memory) {
    lock lock;
    drain_all();
    for (pinned **p = &all_pinned; *p; p = &(*p)->next)
        if ((*p)->from == memory) {
            pinned *found = *p;
            *p = found->next;
            free(found);
            return cudaSuccess;
        }
    return say(cudaErrorHostMemoryNotRegistered);
}

cudaError_t cudaHostAlloc(void **memory, size_t bytes, unsigned) {
    lock lock;
    *memory = fail_after >= 0 && fail_after-- == 0 ? NULL : malloc(bytes ? bytes : 1);
    if (!*memory)
        return say(cudaErrorMemoryAllocation);
    memset(*memory, 0xa5, bytes);
    return cudaHostRegister(*memory, bytes ? bytes : 1, 0);
}

cudaError_t cudaMallocHost(void **memory, size_t bytes) {
    return cudaHostAlloc(memory, bytes, 0);
}

cudaError_t cudaFreeHost(void *memory) {
    if (!memory)
        return cudaSuccess;
    cudaError_t error = cudaHostUnregister(memory);
    if (error == cudaSuccess)
        free(memory);
    return error;
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
    *total = (size_t)4 << 30;
    *free = *total / 2;
    return cudaSuccess;
}

/* ---- Copies ---- */

struct copying : operation {
    char *to;
    const char *from;
    size_t to_pitch, from_pitch, width, height;
    char *kept = NULL; /* of pageable memory, which a copy has read when it returns */

    static void now(operation *self) {
        const copying *c = (copying *)self;
        for (size_t i = 0; i < c->height; i++) {
            char *to = c->to + i * c->to_pitch;
            const char *from = c->from + i * c->from_pitch;
            if (is_device(to))
                check_range(to, c->width, "a copy to the device");
            if (is_device(from))
                check_range(from, c->width, "a copy from the device");
            if (is_device(to) && is_device(from)) {
                copy_device(to, from, c->width);
            } else if (is_device(to)) {
                memcpy(backing(to), from, c->width);
                mark_written(to, c->width);
            } else {
                memcpy(to, is_device(from) ? backing(from) : from, c->width);
            }
        }
    }
    static void forget(operation *self) {
        free(((copying *)self)->kept);
    }
};

static void check_kind(const void *to, const void *from, cudaMemcpyKind kind) {
    bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (kind != cudaMemcpyDefault && (is_device(to) != to_device || is_device(from) != from_device))
        crime("a copy from %s memory to %s memory says otherwise of itself",
              is_device(from) ? "device" : "host", is_device(to) ? "device" : "host");
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
    lock lock;
    if (width == 0 || height == 0)
        return cudaSuccess;
    if (to_pitch < width || from_pitch < width)
        return say(cudaErrorInvalidValue);
    check_kind(to, from, kind);
    copying *c = make<copying>();
    c->run = copying::now;
    c->release = copying::forget;
    c->to = (char *)to, c->from = (const char *)from;
    c->to_pitch = to_pitch, c->from_pitch = from_pitch;
    c->width = width, c->height = height;
    CUstream_st *s = stream_of(stream);
    if (!s->graph && deferred && !is_device(from) && !is_pinned(from)) {
        size_t bytes = (height - 1) * from_pitch + width;
        c->kept = (char *)malloc(bytes);
        memcpy(c->kept, from, bytes);
        c->from = c->kept;
    }
    cudaError_t error = enqueue(stream, c);
    if (error == cudaSuccess && !s->graph && !is_device(to) && !is_pinned(to))
        drain(s); /* pageable: it has arrived when the call returns */
    return error;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
    lock lock;
    if (!may_wait())
        return say(cudaErrorStreamCaptureUnsupported);
    cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, NULL);
    drain(stream_of(NULL));
    return error;
}

struct filling : operation {
    void *memory;
    int value;
    size_t pitch, width, height;
    filling(void *memory_, size_t pitch_, int value_, size_t width_, size_t height_)
        : memory(memory_), value(value_), pitch(pitch_), width(width_), height(height_) {
        run = now;
    }
    static void now(operation *self) {
        const filling *f = (filling *)self;
        for (size_t i = 0; i < f->height; i++) {
            char *row = (char *)f->memory + i * f->pitch;
            check_range(row, f->width, "cudaMemset");
            memset(backing(row), f->value, f->width);
            mark_written(row, f->width);
        }
    }
};

cudaError_t cudaMemset2DAsync(void *memory, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
    lock lock;
    if (width == 0 || height == 0)
        return cudaSuccess;
    if (pitch < width)
        return say(cudaErrorInvalidValue);
    return enqueue(stream, make<filling>(memory, pitch, value, width, height));
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
    lock lock;
    return cudaMemset2DAsync(memory, bytes, value, bytes, 1, stream);
}

cudaError_t cudaMemset(void *memory, int value, size_t bytes) {
    return cudaMemsetAsync(memory, value, bytes, NULL);
}

} // namespace emulated_cuda
