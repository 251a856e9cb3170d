/* A driver library for the tests: what pynvml calls, answered without a GPU.

   The cards are those of a script, the file that NVML_SCRIPT names, read again at every call, so that a test can change
   them while a launch runs. A line each:
       card    NUMBER TOTAL_MIB USED_MIB
       process NUMBER PID USED_MIB         (a negative amount: the driver does not tell)
       lost    NUMBER ERROR                (every question about the card fails with this number)
   Without a script there are two cards of 8 GiB, of which pid 812 holds half of the first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CARDS 8
#define PROCESSES 16
#define NOT_FOUND 6
#define INSUFFICIENT_SIZE 7

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int pid; unsigned long long memory; unsigned int gi, ci; } process_t;
typedef struct {
    int exists, error, processes;
    long long total, used;
    struct { unsigned int pid; long long used; } process[PROCESSES];
} card_t;

static int numbers[CARDS] = {0, 1, 2, 3, 4, 5, 6, 7};
static const char *otherwise = "card 0 8192 4096\nprocess 0 812 4096\ncard 1 8192 0\n";

static void read_line(const char *line, card_t *cards) {
    int number;
    long long a, b;
    if (sscanf(line, "card %d %lld %lld", &number, &a, &b) == 3) {
        cards[number].exists = 1;
        cards[number].total = a;
        cards[number].used = b;
    } else if (sscanf(line, "process %d %lld %lld", &number, &a, &b) == 3) {
        int place = cards[number].processes++;
        cards[number].process[place].pid = (unsigned int)a;
        cards[number].process[place].used = b;
    } else if (sscanf(line, "lost %d %lld", &number, &a) == 2) {
        cards[number].error = (int)a;
    }
}

static void read_script(card_t *cards) {
    char text[4096] = {0};
    const char *name = getenv("NVML_SCRIPT");
    FILE *file = name ? fopen(name, "r") : NULL;
    memset(cards, 0, CARDS * sizeof *cards);
    if (file) {
        fread(text, 1, sizeof text - 1, file);
        fclose(file);
    } else {
        strcpy(text, otherwise);
    }
    char *rest;  /* strtok would keep it for all threads, and the launcher asks from several at once */
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) read_line(line, cards);
}

static card_t look(void *device) {
    card_t cards[CARDS];
    read_script(cards);
    return cards[*(int *)device];
}

int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return "stub"; }
int nvmlDeviceGetCount_v2(unsigned int *count) {
    card_t cards[CARDS];
    read_script(cards);
    for (*count = 0; *count < CARDS && cards[*count].exists;) ++*count;
    return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    *device = &numbers[index];
    return look(*device).error;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    int number;
    if (sscanf(uuid, "GPU-0000-%d", &number) != 1 || number < 0 || number >= CARDS) return NOT_FOUND;
    *device = &numbers[number];
    card_t card = look(*device);
    return card.exists ? card.error : NOT_FOUND;
}
int nvmlDeviceGetMigMode(void *device, unsigned int *now, unsigned int *next) { return 3; /* not supported */ }
int nvmlDeviceGetName(void *device, char *name, unsigned int length) {
    snprintf(name, length, "Stub %d", *(int *)device);
    return look(device).error;
}
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
    snprintf(uuid, length, "GPU-0000-%d", *(int *)device);
    return look(device).error;
}
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
    card_t card = look(device);
    memory->total = (unsigned long long)card.total << 20;
    memory->used = (unsigned long long)card.used << 20;
    memory->free = memory->total - memory->used;
    return card.error;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned int *count, process_t *processes) {
    card_t card = look(device);
    unsigned int room = *count;
    *count = (unsigned int)card.processes;
    if (card.error || *count == 0) return card.error;
    if (room < *count) return INSUFFICIENT_SIZE;
    memset(processes, 0, *count * sizeof *processes);
    for (unsigned int i = 0; i < *count; i++) {
        processes[i].pid = card.process[i].pid;
        processes[i].memory = card.process[i].used < 0 ? ~0ULL : (unsigned long long)card.process[i].used << 20;
    }
    return 0;
}
