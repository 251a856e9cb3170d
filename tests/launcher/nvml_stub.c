/* A driver library of two cards for the tests: what pynvml calls, answered without a GPU. */
#include <stdio.h>
#include <string.h>

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int pid; unsigned long long memory; unsigned int gi, ci; } process_t;

static int card[2] = {0, 1};

int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return "stub"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { *device = &card[index]; return 0; }
int nvmlDeviceGetMigMode(void *device, unsigned int *now, unsigned int *next) { return 3; /* not supported */ }
int nvmlDeviceGetName(void *device, char *name, unsigned int length) {
    snprintf(name, length, "Stub %d", *(int *)device);
    return 0;
}
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
    snprintf(uuid, length, "GPU-0000-%d", *(int *)device);
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
    memory->total = 8ULL << 30;
    memory->used = *(int *)device == 0 ? 4ULL << 30 : 0;
    memory->free = memory->total - memory->used;
    return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned int *count, process_t *processes) {
    if (*(int *)device == 1) { *count = 0; return 0; }
    if (*count < 1) { *count = 1; return 7; /* insufficient size */ }
    *count = 1;
    memset(processes, 0, sizeof *processes);
    processes->pid = 812;
    return 0;
}
