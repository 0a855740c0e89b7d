/* The estimate of a worker's memory, its way into a budget, and what history makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "memory/estimate.h"

static const MemoryTask full_hd = {.decoder = "h264",
                                   .width = 1920,
                                   .height = 1080,
                                   .bit_depth = 8,
                                   .chroma_width_shift = 1,
                                   .chroma_height_shift = 1,
                                   .reference_frames = 4,
                                   .frames = 1000,
                                   .audio_streams = 1,
                                   .encoder = "libx264",
                                   .faces = true};

static WorkerShape shape_of(const MemoryTask *task, int threads)
{
    return (WorkerShape){.execution_threads = threads,
                         .decoder_threads = threads,
                         .encoder_threads = threads,
                         .frame_budget_bytes = memory_frame_budget(0, memory_frame_bytes(task), threads)};
}

static int64_t total(const MemoryTask *task, const WorkerShape *shape)
{
    return memory_estimate(task, shape).total_bytes;
}

static void an_estimate_is_the_sum_of_its_parts(void **state)
{
    (void)state;
    const WorkerShape shape = shape_of(&full_hd, 4);
    const MemoryEstimate estimate = memory_estimate(&full_hd, &shape);
    double amounts[MEMORY_CONSTANTS];
    double sum = 0;
    MemoryPart part = MEMORY_PROGRAM;
    double bytes = 0;
    int64_t parts = 0;
    memory_amounts(&full_hd, &shape, amounts);
    for (int i = 0; memory_constant(i, &part, &bytes) != NULL; i++) {
        assert_true(bytes >= 0 && part < MEMORY_PART_COUNT);
        sum += bytes * amounts[i];
    }
    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        assert_true((estimate.part_bytes[i] > 0) == (i != MEMORY_RESERVE));
        parts += estimate.part_bytes[i];
    }
    assert_int_equal(estimate.total_bytes, parts);
    assert_true(sum - (double)parts >= 0 && sum - (double)parts < MEMORY_CONSTANTS);
    const MemoryEstimate needed = memory_needed(&full_hd, &shape);
    assert_int_equal(needed.part_bytes[MEMORY_ENCODER], estimate.part_bytes[MEMORY_ENCODER]);
    assert_int_equal(needed.part_bytes[MEMORY_RESERVE], parts / 20);
    assert_int_equal(needed.total_bytes, parts + parts / 20);
    assert_null(memory_constant(-1, &part, &bytes));
    assert_string_equal(memory_part_name(MEMORY_DECODER), "decoder");
}

/* Headers and stores may tell anything: what follows is much, and no nonsense. */
static void what_cannot_be_is_too_much(void **state)
{
    (void)state;
    const WorkerShape shape = {.execution_threads = 1, .decoder_threads = 1, .encoder_threads = 1};
    const int64_t usual = memory_needed(&full_hd, &shape).total_bytes;
    MemoryTask task = full_hd;
    task.frames = INT64_MAX;
    assert_true(memory_needed(&task, &shape).total_bytes > 1000 * usual);
    task = full_hd;
    task.width = INT32_MAX;
    task.height = INT32_MAX;
    assert_int_equal(memory_frame_bytes(&task), 0);
    assert_true(memory_needed(&task, &shape).total_bytes > 1000 * usual);
    task.reference_frames = INT32_MAX;
    task.audio_streams = INT32_MAX;
    task.frames = INT64_MAX;
    assert_true(memory_needed(&task, &shape).total_bytes > 1000 * usual);
}

static void larger_videos_and_slower_presets_take_more(void **state)
{
    (void)state;
    static const char *const encoders[] = {"libx264", "libx265", "libvpx-vp9", "h264_nvenc", "ffv1"};
    static const char *const decoders[] = {"h264", "hevc", "vp9", "av1", "prores"};
    for (size_t i = 0; i < 5; i++) {
        MemoryTask task = full_hd;
        task.encoder = encoders[i];
        task.decoder = decoders[i];
        const WorkerShape shape = shape_of(&task, 2);
        const int64_t usual = total(&task, &shape);
        MemoryTask other = task;
        other.width *= 2;
        other.height *= 2;
        assert_true(total(&other, &shape) > usual);
        other = task;
        other.bit_depth = 10;
        assert_true(total(&other, &shape) > usual);
        other = task;
        other.chroma_width_shift = other.chroma_height_shift = 0;
        assert_true(total(&other, &shape) > usual);
        other = task;
        other.frames = 10000000; /* the index */
        assert_true(total(&other, &shape) > usual + INT64_C(1000000000));
        other = task;
        other.faces = false;
        assert_true(total(&other, &shape) < usual);
    }
    const WorkerShape shape = shape_of(&full_hd, 2);
    MemoryTask task = full_hd;
    int64_t before = 0;
    static const char *const presets[] = {"ultrafast", "superfast", "veryfast", "medium", "slow", "veryslow"};
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        task.preset = presets[i];
        assert_true(total(&task, &shape) > before);
        before = total(&task, &shape);
    }
    task.frames = 8; /* fewer than it looks ahead at */
    assert_true(total(&task, &shape) < before / 2);
    task = full_hd;
    task.reference_frames = 16;
    assert_int_equal(total(&task, &shape) - total(&full_hd, &shape), 12 * memory_frame_bytes(&full_hd));
}

/* A model is there twice while it is loaded; what comes with the frames is not there yet. */
static void a_users_model_counts_twice_only_where_that_is_the_peak(void **state)
{
    (void)state;
    MemoryTask small = full_hd;
    small.width = 320;
    small.height = 240;
    const WorkerShape shape = shape_of(&small, 2);
    const int64_t without = total(&small, &shape);
    small.own_model_bytes = small.own_loading_bytes = 500000000;
    const int64_t twice = total(&small, &shape);
    assert_true(twice > without + 900000000 && twice < without + 1030000000);
    small.own_thread_bytes = 10000000; /* less than what is free again */
    assert_int_equal((total(&small, &shape) - twice) / 10, 0);
    small.own_thread_bytes = 1000000000;
    const int64_t running = total(&small, &shape);
    assert_true(running > without + 2500000000 && running < without + 2700000000);
}

static void frames_have_the_size_of_the_pools(void **state)
{
    (void)state;
    assert_int_equal(memory_frame_bytes(&full_hd), 1920 * 1088 * 3 / 2 + 384);
    MemoryTask task = full_hd;
    task.bit_depth = 10;
    assert_int_equal(memory_frame_bytes(&task), 1920 * 1088 * 3 + 384);
    task.width = 0;
    assert_int_equal(memory_frame_bytes(&task), 0);
    task.width = 1000000;
    assert_int_equal(memory_frame_bytes(&task), 0);
    assert_int_equal(memory_frame_budget(0, 1000, 1), 8 * 1000);
    assert_int_equal(memory_frame_budget(0, 1000, 4), 14 * 1000);
    assert_int_equal(memory_frame_budget(12345, 1000, 4), 12345);
    assert_int_equal(memory_frame_budget(0, INT64_MAX / 2, 4), INT64_MAX);
}

static int64_t needs_of(const MemoryTask *task, const WorkerShape *shape)
{
    return memory_needed(task, shape).total_bytes;
}

static bool is_within(const WorkerShape *shape, const WorkerShape *asked)
{
    return shape->execution_threads >= 1 && shape->execution_threads <= asked->execution_threads &&
           shape->decoder_threads >= 1 && shape->decoder_threads <= asked->decoder_threads &&
           shape->encoder_threads >= 1 && shape->encoder_threads <= asked->encoder_threads &&
           shape->frame_budget_bytes <= asked->frame_budget_bytes;
}

static bool same(const WorkerShape *a, const WorkerShape *b)
{
    return is_within(a, b) && is_within(b, a);
}

static void every_budget_gets_what_fits_or_the_least(void **state)
{
    (void)state;
    const WorkerShape asked = shape_of(&full_hd, 8);
    const WorkerShape least = memory_least_shape(&full_hd);
    const int64_t needs = needs_of(&full_hd, &least);
    const int64_t wants = needs_of(&full_hd, &asked);
    WorkerShape shape = asked;
    assert_int_equal(memory_shape(&full_hd, 0, &shape), MEMORY_FITS_AS_ASKED);
    assert_true(same(&shape, &asked));
    assert_int_equal(memory_shape(&full_hd, wants, &shape), MEMORY_FITS_AS_ASKED);
    assert_true(same(&shape, &asked));
    assert_int_equal(memory_shape(&full_hd, needs - 1, &shape), MEMORY_FITS_NOT);
    assert_true(same(&shape, &least));
    shape = asked;
    assert_int_equal(memory_shape(&full_hd, needs, &shape), MEMORY_FITS_WITH_LESS);
    assert_int_equal(needs_of(&full_hd, &shape), needs);
    int encoder_threads = 1;
    for (int64_t budget = needs; budget < wants; budget += 1000000) {
        shape = asked;
        assert_int_equal(memory_shape(&full_hd, budget, &shape), MEMORY_FITS_WITH_LESS);
        assert_true(is_within(&shape, &asked));
        assert_true(needs_of(&full_hd, &shape) <= budget);
        /* none of the threads that are dearest can be had again, and more memory never takes them */
        WorkerShape more = shape;
        more.encoder_threads++;
        assert_true(shape.encoder_threads == asked.encoder_threads || shape.execution_threads == 1 ||
                    needs_of(&full_hd, &more) > budget);
        assert_true(shape.encoder_threads >= encoder_threads);
        encoder_threads = shape.encoder_threads;
    }
    assert_int_equal(encoder_threads, 8);
}

static void what_is_asked_small_stays_small(void **state)
{
    (void)state;
    WorkerShape asked = shape_of(&full_hd, 4);
    asked.frame_budget_bytes = 1;
    for (int64_t budget = 1; budget < INT64_C(4000000000); budget += 10000000) {
        WorkerShape shape = asked;
        const MemoryFit fit = memory_shape(&full_hd, budget, &shape);
        assert_true(is_within(&shape, &asked));
        assert_true(fit == MEMORY_FITS_NOT || needs_of(&full_hd, &shape) <= budget);
    }
}

static void history_corrects_what_is_off(void **state)
{
    (void)state;
    MemoryPast past[12];
    assert_true(memory_correction(NULL, 0) == 1.0);
    for (int i = 0; i < 12; i++) {
        past[i] = (MemoryPast){.estimate_bytes = 1000, .peak_bytes = 1100};
    }
    assert_true(memory_correction(past, 2) == 1.0);
    assert_true(memory_correction(past, 3) == 1.1);
    past[1].peak_bytes = 100000; /* one that leaked */
    assert_true(memory_correction(past, 3) == 1.1);
    past[0].peak_bytes = 1; /* long ago: only the last nine count */
    past[2].peak_bytes = 1;
    assert_true(memory_correction(past, 12) == 1.1);
    for (int i = 6; i < 12; i++) {
        past[i].peak_bytes = 5000;
    }
    assert_true(memory_correction(past, 12) == 1.5);
    for (int i = 6; i < 12; i++) {
        past[i].peak_bytes = 10;
    }
    assert_true(memory_correction(past, 12) == 0.75);
    for (int i = 6; i < 12; i++) {
        past[i].estimate_bytes = 0; /* not known: three are left */
    }
    assert_true(memory_correction(past + 3, 9) == 1.1);
    const WorkerShape shape = shape_of(&full_hd, 2);
    const MemoryEstimate estimate = memory_estimate(&full_hd, &shape);
    const MemoryEstimate half = memory_corrected(&estimate, 0.5);
    assert_int_equal(half.part_bytes[MEMORY_ENCODER], estimate.part_bytes[MEMORY_ENCODER] / 2);
    assert_true(half.total_bytes <= estimate.total_bytes / 2 &&
                half.total_bytes > estimate.total_bytes / 2 - MEMORY_PART_COUNT);
}

static void classes_of_size_are_powers_of_four(void **state)
{
    (void)state;
    assert_int_equal(memory_size_class(1920, 1080), memory_size_class(1080, 1920));
    assert_int_equal(memory_size_class(3840, 2160), memory_size_class(1920, 1080) + 1);
    assert_int_equal(memory_size_class(1280, 720) + 1, memory_size_class(1920, 1080));
    assert_int_equal(memory_size_class(0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_estimate_is_the_sum_of_its_parts),
        cmocka_unit_test(what_cannot_be_is_too_much),
        cmocka_unit_test(larger_videos_and_slower_presets_take_more),
        cmocka_unit_test(a_users_model_counts_twice_only_where_that_is_the_peak),
        cmocka_unit_test(frames_have_the_size_of_the_pools),
        cmocka_unit_test(every_budget_gets_what_fits_or_the_least),
        cmocka_unit_test(what_is_asked_small_stays_small),
        cmocka_unit_test(history_corrects_what_is_off),
        cmocka_unit_test(classes_of_size_are_powers_of_four),
    };
    return cmocka_run_group_tests_name("estimate", tests, NULL, NULL);
}
