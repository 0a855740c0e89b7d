#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine_tree.h"
#include "memory/gpu.h"

/* A machine with these cards; the stand-in of the driver's library looks at the file at each call. */
static void put_cards(const char *root, const char *cards)
{
    char *path = path_join(root, "gpu");
    tree_put(root, "gpu", cards);
    assert_int_equal(setenv("RUNBATCH_FAKE_GPU", path, 1), 0);
    memory_free(path);
}

static Gpu *open_driver(const char *variable)
{
    Gpu *gpu = NULL;
    Error err = {0};
    assert_int_equal(gpu_open(getenv(variable), &gpu, &err), STATUS_OK);
    assert_false(error_is_set(&err));
    return gpu;
}

static void a_machine_without_a_card_has_none(void **state)
{
    const char *root = *state;
    Gpu *gpu = NULL;
    assert_int_equal(gpu_open("/nowhere/libnvidia-ml.so.1", &gpu, NULL), STATUS_OK);
    assert_null(gpu);
    assert_int_equal(gpu_count(gpu), 0);
    gpu_free(&gpu);
    /* the library without the driver (9) or without a card */
    put_cards(root, "fail nvmlInit_v2 9\n");
    assert_null(open_driver("RUNBATCH_FAKE_NVML"));
    put_cards(root, "fail nvmlInit_v2 12\n");
    assert_null(open_driver("RUNBATCH_FAKE_NVML"));
    put_cards(root, "");
    assert_null(open_driver("RUNBATCH_FAKE_NVML"));
}

static void cards_are_read(void **state)
{
    put_cards(*state, "device 24576 1024 NVIDIA GeForce RTX 3090\n"
                      "device 81920 80000 NVIDIA\033[2J H100\n"
                      "process 0 4711 512\n"
                      "process 0 4711 512 graphics\n"
                      "process 0 99 300 graphics\n"
                      "process 1 5 -1\n");
    Gpu *gpu = open_driver("RUNBATCH_FAKE_NVML");
    GpuReading reading;
    assert_int_equal(gpu_count(gpu), 2);
    assert_int_equal(gpu_read(gpu, 0, &reading, NULL), STATUS_OK);
    assert_string_equal(reading.name, "NVIDIA GeForce RTX 3090");
    assert_int_equal(reading.total_bytes, 24576 * MB);
    assert_int_equal(reading.used_bytes, 1024 * MB);
    assert_true(reading.processes_known);
    assert_int_equal(reading.process_count, 2);
    assert_int_equal(reading.processes[0].pid, 4711);
    assert_int_equal(reading.processes[0].used_bytes, 512 * MB);
    assert_int_equal(reading.processes[1].pid, 99);
    assert_int_equal(reading.processes[1].used_bytes, 300 * MB);
    assert_int_equal(gpu_read(gpu, 1, &reading, NULL), STATUS_OK);
    assert_string_equal(reading.name, "NVIDIA?[2J H100");
    assert_int_equal(reading.used_bytes, 80000 * MB);
    assert_int_equal(reading.process_count, 1);
    assert_int_equal(reading.processes[0].used_bytes, -1);
    gpu_free(&gpu);
    assert_null(gpu);
}

static void every_drivers_records_are_read(void **state)
{
    static const struct {
        const char *driver;
        const char *step;
    } drivers[] = {
        {"RUNBATCH_FAKE_NVML", ""},
        {"RUNBATCH_FAKE_NVML_OLD", ""},
        {"RUNBATCH_FAKE_NVML", "step 32\n"}, /* 535.43 to 535.86 */
        {"RUNBATCH_FAKE_NVML", "step 16\n"},
    };
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        Text cards = {0};
        text_appendf(&cards, "device 8192 4096 card\n%s", drivers[i].step);
        for (int process = 0; process < 3; process++) {
            text_appendf(&cards, "process 0 %d %d\n", 100 + process, 10 + process);
        }
        put_cards(*state, cards.data);
        text_free(&cards);
        Gpu *gpu = open_driver(drivers[i].driver);
        GpuReading reading;
        assert_int_equal(gpu_read(gpu, 0, &reading, NULL), STATUS_OK);
        assert_true(reading.processes_known);
        assert_int_equal(reading.process_count, 3);
        for (int process = 0; process < 3; process++) {
            assert_int_equal(reading.processes[process].pid, 100 + process);
            assert_int_equal(reading.processes[process].used_bytes, (10 + process) * MB);
        }
        gpu_free(&gpu);
    }
}

static void what_cannot_be_told_of_processes_is_no_failure(void **state)
{
    Text cards = {0};
    GpuReading reading;
    for (int i = 0; i <= GPU_PROCESSES; i++) {
        text_appendf(&cards, "process 0 %d 1\n", 100 + i);
    }
    char *many = text_format("device 8192 4096 card\n%s", cards.data);
    text_free(&cards);
    const char *const machines[] = {
        many,
        "device 8192 4096 card\nprocess 0 7 1\nprocess 0 8 1\nstep 20\n",
        "device 8192 4096 card\nfail nvmlDeviceGetComputeRunningProcesses_v2 3\n",
    };
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        put_cards(*state, machines[i]);
        Gpu *gpu = open_driver("RUNBATCH_FAKE_NVML");
        assert_int_equal(gpu_read(gpu, 0, &reading, NULL), STATUS_OK);
        assert_int_equal(reading.used_bytes, 4096 * MB);
        assert_false(reading.processes_known);
        gpu_free(&gpu);
    }
    memory_free(many);
}

static void a_driver_that_does_not_answer_is_an_error(void **state)
{
    Gpu *gpu = NULL;
    GpuReading reading;
    Error err = {0};
    put_cards(*state, "device 8192 4096 card\nfail nvmlInit_v2 18\n");
    assert_int_equal(gpu_open(getenv("RUNBATCH_FAKE_NVML"), &gpu, &err), STATUS_FAILED);
    assert_null(gpu);
    assert_string_equal(err.why, "nvmlInit_v2: GPU is lost (18)");
    error_clear(&err);
    /* no library of a driver at all */
    assert_int_equal(gpu_open("libc.so.6", &gpu, &err), STATUS_FAILED);
    assert_null(gpu);
    error_clear(&err);
    put_cards(*state, "device 8192 4096 card\n");
    gpu = open_driver("RUNBATCH_FAKE_NVML");
    put_cards(*state, "device 8192 4096 card\nfail nvmlDeviceGetMemoryInfo 15\n");
    assert_int_equal(gpu_read(gpu, 0, &reading, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
    assert_string_equal(err.why, "nvmlDeviceGetMemoryInfo: GPU is lost (15)");
    error_clear(&err);
    put_cards(*state, "device 8192 9000 card\n");
    assert_int_equal(gpu_read(gpu, 0, &reading, &err), STATUS_FAILED);
    assert_int_equal(reading.total_bytes, 0);
    put_cards(*state, "device 8192 4096 card\nfail nvmlDeviceGetName 3\n");
    assert_int_equal(gpu_read(gpu, 0, &reading, NULL), STATUS_OK);
    assert_string_equal(reading.name, "GPU 0");
    gpu_free(&gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(a_machine_without_a_card_has_none),
        TREE_TEST(cards_are_read),
        TREE_TEST(every_drivers_records_are_read),
        TREE_TEST(what_cannot_be_told_of_processes_is_no_failure),
        TREE_TEST(a_driver_that_does_not_answer_is_an_error),
    };
    return cmocka_run_group_tests_name("gpu", tests, NULL, NULL);
}
