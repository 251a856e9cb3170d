/* The driver library of nvml_stub.c with sensors, as the file named by NVML_STUB_SENSORS says at each call. Its lines:

       GPU-0000-1 percent=73 memory=1000 temperature=61 power=250500

   A sensor that is not named is not supported. A card with the word "lost" has fallen off the bus; one with "hang" lets
   whoever asks wait until it no longer says so. Functions the other file may have, too, are renamed there.
*/
#define nvmlDeviceGetHandleByUUID cards_handle_by_uuid
#define nvmlDeviceGetMemoryInfo cards_memory_info
#define nvmlDeviceGetUtilizationRates cards_utilization_rates
#define nvmlDeviceGetTemperature cards_temperature
#define nvmlDeviceGetPowerUsage cards_power_usage
#include "nvml_stub.c"
#undef nvmlDeviceGetHandleByUUID
#undef nvmlDeviceGetMemoryInfo
#undef nvmlDeviceGetUtilizationRates
#undef nvmlDeviceGetTemperature
#undef nvmlDeviceGetPowerUsage

#include <stdlib.h>
#include <unistd.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, GPU_IS_LOST = 15 };  /* NOT_FOUND comes with the file above */
typedef struct { unsigned int gpu, memory; } utilization_t;

/* Copies what the file says of a card; empty if it does not name it. */
static void script_of(const char *uuid, char *line, int size) {
    const char *path = getenv("NVML_STUB_SENSORS");
    FILE *file = path ? fopen(path, "r") : NULL;
    size_t length = strlen(uuid);
    line[0] = 0;
    while (file && fgets(line, size, file) && !(strncmp(line, uuid, length) == 0 && line[length] <= ' ')) line[0] = 0;
    if (file) fclose(file);
}

static int sensor(void *device, const char *name, unsigned long long *value) {
    char uuid[96], line[512], key[32];
    nvmlDeviceGetUUID(device, uuid, sizeof uuid);
    for (script_of(uuid, line, sizeof line); strstr(line, " hang"); script_of(uuid, line, sizeof line)) usleep(10000);
    if (strstr(line, " lost")) return GPU_IS_LOST;
    snprintf(key, sizeof key, " %s=", name);
    const char *found = strstr(line, key);
    if (!found) return NOT_SUPPORTED;
    *value = strtoull(found + strlen(key), NULL, 10);
    return SUCCESS;
}

int nvmlDeviceGetHandleByUUID(const char *wanted, void **device) {
    unsigned int count = 0;
    char uuid[96], line[512];
    script_of(wanted, line, sizeof line);
    if (strstr(line, " lost")) return GPU_IS_LOST;
    nvmlDeviceGetCount_v2(&count);
    for (unsigned int index = 0; index < count; index++) {
        nvmlDeviceGetHandleByIndex_v2(index, device);
        nvmlDeviceGetUUID(*device, uuid, sizeof uuid);
        if (strcmp(uuid, wanted) == 0) return SUCCESS;
    }
    return NOT_FOUND;
}

int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
    unsigned long long used;
    int code = sensor(device, "memory", &used);
    if (code == GPU_IS_LOST) return code;
    cards_memory_info(device, memory);
    if (code == SUCCESS) memory->used = used;
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *device, utilization_t *rates) {
    unsigned long long percent = 0;
    int code = sensor(device, "percent", &percent);
    rates->gpu = percent;
    rates->memory = 0;
    return code;
}

int nvmlDeviceGetTemperature(void *device, int which, unsigned int *temperature) {
    unsigned long long value = 0;
    int code = sensor(device, "temperature", &value);
    *temperature = value;
    return code;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) {
    unsigned long long value = 0;
    int code = sensor(device, "power", &value);
    *milliwatts = value;
    return code;
}
