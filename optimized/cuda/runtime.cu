/* SPDX-License-Identifier: MIT
 *
 * The device and the streams: whether there is a GPU that this build can run on, asked once, what
 * it is, on which stream a thread's work goes, and what CUDA said of a failure.
 */
#include "optimized/cuda/runtime.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "optimized/cuda/device.cuh"

namespace balact_cuda {

/* ---- Failures ---- */

static thread_local char message[512];
static thread_local balact_status failed; /* BALACT_OK: nothing yet */

const char *last_message(balact_status status) {
    return status != BALACT_OK && status == failed ? message : "";
}

balact_status fail(balact_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    failed = status;
    return status;
}

static balact_status status_of(cudaError_t error) {
    switch (error) {
    case cudaSuccess:
        return BALACT_OK;
    case cudaErrorMemoryAllocation:
        return BALACT_ERROR_MEMORY;
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorNotSupported:
        return BALACT_ERROR_UNSUPPORTED;
    default:
        return BALACT_ERROR_DEVICE;
    }
}

balact_status cuda_status(cudaError_t error) {
    if (error == cudaSuccess)
        return BALACT_OK;
    cudaGetLastError(); /* or the next call would be told of it again */
    return fail(status_of(error), "%s: %s", cudaGetErrorName(error), cudaGetErrorString(error));
}

/* ---- The device ---- */

/* A kernel that does nothing: is there code for this device in this build? */
static __global__ void nothing() {}

enum { OLDEST_MAJOR = 7, OLDEST_MINOR = 5 };

static struct {
    bool usable;
    char why[256];
    device_facts facts;
    device_description description;
    cudaStream_t stream;
} found;
static pthread_once_t asked = PTHREAD_ONCE_INIT;

/* A driver runs every runtime of its major version. */
static bool driver_suffices() {
    int driver = 0, runtime = 0;
    cudaError_t error = cudaDriverGetVersion(&driver);
    if (error == cudaSuccess)
        error = cudaRuntimeGetVersion(&runtime);
    found.description.driver = driver;
    found.description.runtime = runtime;
    if (error != cudaSuccess) {
        snprintf(found.why, sizeof found.why, "no NVIDIA driver can be asked: %s",
                 cudaGetErrorString(error));
        return false;
    }
    if (driver == 0) {
        snprintf(found.why, sizeof found.why, "no NVIDIA driver");
        return false;
    }
    if (driver / 1000 < runtime / 1000) {
        snprintf(found.why, sizeof found.why,
                 "the NVIDIA driver is older than this build needs: CUDA %d.%d < %d.0",
                 driver / 1000, driver % 1000 / 10, runtime / 1000);
        return false;
    }
    return true;
}

static void keep_facts(const cudaDeviceProp &device) {
    device_facts &facts = found.facts;
    facts.multiprocessors = device.multiProcessorCount;
    facts.shared_bytes_a_block = (int)device.sharedMemPerBlockOptin;
    facts.shared_bytes_a_multiprocessor = (int)device.sharedMemPerMultiprocessor;
    facts.threads_a_multiprocessor = device.maxThreadsPerMultiProcessor;
    facts.major = device.major;
    facts.minor = device.minor;
    facts.clusters = device.major >= 9;
    snprintf(found.description.name, sizeof found.description.name, "%s", device.name);
    found.description.memory_bytes = (int64_t)device.totalGlobalMem;
    found.description.l2_bytes = device.l2CacheSize;
}

static bool device_suffices() {
    int count = 0, number = 0;
    cudaDeviceProp device = {};
    cudaFuncAttributes attributes;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) {
        snprintf(found.why, sizeof found.why, "no NVIDIA device");
        return false;
    }
    if (error == cudaSuccess)
        error = cudaGetDevice(&number);
    if (error == cudaSuccess)
        error = cudaGetDeviceProperties(&device, number);
    if (error == cudaSuccess &&
        device.major * 10 + device.minor < OLDEST_MAJOR * 10 + OLDEST_MINOR) {
        snprintf(found.why, sizeof found.why, "compute capability %d.%d of %.160s is below %d.%d",
                 device.major, device.minor, device.name, OLDEST_MAJOR, OLDEST_MINOR);
        return false;
    }
    if (error == cudaSuccess) {
        keep_facts(device);
        error = cudaFuncGetAttributes(&attributes, (const void *)nothing);
    }
    if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorInvalidDeviceFunction) {
        snprintf(found.why, sizeof found.why,
                 "this build holds no code for compute capability %d.%d (see CUDA_ARCH)",
                 device.major, device.minor);
        return false;
    }
    if (error != cudaSuccess)
        snprintf(found.why, sizeof found.why, "%s: %.200s", cudaGetErrorName(error),
                 cudaGetErrorString(error));
    return error == cudaSuccess;
}

static void ask() {
    /* for whoever asks although nothing is usable */
    found.facts.multiprocessors = 1;
    found.facts.shared_bytes_a_block = 48 * 1024;
    found.facts.shared_bytes_a_multiprocessor = 64 * 1024;
    found.facts.threads_a_multiprocessor = 1024;
    found.facts.major = OLDEST_MAJOR;
    found.facts.minor = OLDEST_MINOR;
    found.usable = driver_suffices() && device_suffices();
    if (found.usable) {
        cudaError_t error = cudaStreamCreateWithFlags(&found.stream, cudaStreamNonBlocking);
        found.usable = error == cudaSuccess;
        if (!found.usable)
            snprintf(found.why, sizeof found.why, "no stream: %.200s", cudaGetErrorString(error));
    }
    if (!found.usable)
        cudaGetLastError();
}

bool usable(char *why, size_t size) {
    pthread_once(&asked, ask);
    if (!found.usable && size)
        snprintf(why, size, "%s", found.why);
    return found.usable;
}

const device_facts &facts() {
    pthread_once(&asked, ask);
    return found.facts;
}

const device_description &description() {
    pthread_once(&asked, ask);
    return found.description;
}

/* ---- Memory in the order of a stream ---- */

#ifndef BALACT_CUDA_EMULATED
/* A pool of our own keeps what the next call takes again; the device's own pool is the program's.
 */
static cudaMemPool_t pool;
static cudaError_t pool_error;
static pthread_once_t pool_made = PTHREAD_ONCE_INIT;

static void make_pool() {
    cudaMemPoolProps properties = {};
    uint64_t kept = (uint64_t)64 << 20;
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    pool_error = cudaGetDevice(&properties.location.id);
    if (pool_error == cudaSuccess)
        pool_error = cudaMemPoolCreate(&pool, &properties);
    if (pool_error == cudaSuccess)
        pool_error = cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept);
}

balact_status scratch_take(void **memory, size_t bytes, cudaStream_t stream) {
    *memory = NULL;
    pthread_once(&pool_made, make_pool);
    if (pool_error != cudaSuccess)
        return cuda_status(pool_error);
    return cuda_status(cudaMallocFromPoolAsync(memory, bytes, pool, stream));
}
#else
balact_status scratch_take(void **memory, size_t bytes, cudaStream_t stream) {
    *memory = NULL;
    return cuda_status(cudaMallocAsync(memory, bytes, stream));
}
#endif

balact_status scratch_give(void *memory, cudaStream_t stream, balact_status status) {
    if (!memory)
        return status;
    balact_status freed = cuda_status(cudaFreeAsync(memory, stream));
    return status == BALACT_OK ? freed : status;
}

/* ---- Streams ---- */

static thread_local struct {
    bool set;
    cudaStream_t stream;
} own;

balact_status current_stream(cudaStream_t *stream) {
    pthread_once(&asked, ask);
    if (!found.usable)
        return fail(BALACT_ERROR_UNSUPPORTED, "%s", found.why);
    *stream = own.set ? own.stream : found.stream;
    return BALACT_OK;
}

void set_stream(cudaStream_t stream) {
    own.set = true;
    own.stream = stream;
}

void reset_stream() {
    own.set = false;
}

} // namespace balact_cuda
