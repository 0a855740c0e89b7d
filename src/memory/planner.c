#include "memory/planner.h"

#include <string.h>

#include "base/alloc.h"

static const double high_percent_usual = 85.0;

const char *const planner_order_names[PLANNER_ORDERS + 1] = {"natural", "shortest", "longest",
                                                             "largest-memory-last", NULL};

PlannerOrder planner_order(const char *name)
{
    for (int i = 0; i < PLANNER_ORDERS; i++) {
        if (name != NULL && strcmp(planner_order_names[i], name) == 0) {
            return (PlannerOrder)i;
        }
    }
    return PLANNER_NATURAL;
}

const char *planner_limit_name(PlannerLimit limit)
{
    static const char *const names[PLANNER_LIMITS] = {"none",         "videos", "asked", "memory",
                                                      "video_memory", "cores",  "disk"};
    return names[limit];
}

double planner_cores(int64_t execution_threads, int64_t encoder_threads, double cores)
{
    enum { BEFORE = 1, ENCODING_MOST = 2 };
    const int64_t encoding =
        encoder_threads == 0 || encoder_threads > ENCODING_MOST ? ENCODING_MOST : encoder_threads;
    const double busy = (double)(execution_threads + BEFORE + encoding);
    return cores > 0 && busy > cores ? cores : busy;
}

/* ---- what there is, and what is taken ---- */

static int64_t at_least_zero(int64_t value)
{
    return value > 0 ? value : 0;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The mark below which use is kept, as a share. */
static double high_share(const PlannerMachine *machine)
{
    return (machine->high_percent > 0 ? machine->high_percent : high_percent_usual) / 100.0;
}

int64_t planner_room(const PlannerMachine *machine, bool guessed)
{
    const double high = high_share(machine);
    int64_t room = INT64_MAX;
    if (machine->total_bytes > 0 && guessed) {
        const int64_t kept =
            machine->others_bytes > PLANNER_RESERVE_BYTES ? machine->others_bytes : PLANNER_RESERVE_BYTES;
        room = machine->total_bytes - kept;
    } else if (machine->total_bytes > 0) {
        room = (int64_t)((double)machine->total_bytes * high) - at_least_zero(machine->others_bytes);
    }
    if (machine->budget_bytes > 0) { /* the governor acts at the same mark, and counts all of ours */
        room = smaller(room, (int64_t)((double)machine->budget_bytes * high) - PLANNER_OWN_BYTES);
    }
    return at_least_zero(room);
}

static int64_t video_room(const PlannerMachine *machine)
{
    return machine->video_total_bytes > 0
               ? at_least_zero((int64_t)((double)machine->video_total_bytes * high_share(machine)) -
                               at_least_zero(machine->video_others_bytes))
               : INT64_MAX;
}

/* Of several videos together. */
typedef struct Load {
    int count;
    bool guessed; /* of one at least nothing is known */
    double bytes;
    double video_bytes;
    double disk_bytes;
    double cores;
} Load;

static double cores_of(const PlannerVideo *video)
{
    return video->cores > 0 ? video->cores : 1.0;
}

static void add(Load *load, const PlannerVideo *video)
{
    load->count++;
    load->guessed = load->guessed || video->bytes <= 0;
    load->bytes += (double)(video->bytes > 0 ? video->bytes : PLANNER_VIDEO_BYTES);
    load->video_bytes += (double)at_least_zero(video->video_bytes);
    load->disk_bytes += (double)at_least_zero(video->disk_bytes);
    load->cores += cores_of(video);
}

static Load sum_up(const PlannerVideo *videos, size_t count)
{
    Load load = {0};
    for (size_t i = 0; i < count; i++) {
        add(&load, &videos[i]);
    }
    return load;
}

static int jobs_most(const PlannerMachine *machine)
{
    return machine->jobs > 0 && machine->jobs < PLANNER_JOBS_MOST ? machine->jobs : PLANNER_JOBS_MOST;
}

/* What the video lacks beside those that run; NONE where nothing runs. */
static PlannerLimit lacks(const PlannerMachine *machine, const Load *running, const PlannerVideo *video)
{
    Load all = *running;
    if (running->count == 0) {
        return PLANNER_LIMIT_NONE;
    }
    add(&all, video);
    if (all.bytes > (double)planner_room(machine, all.guessed)) {
        return PLANNER_LIMIT_MEMORY;
    }
    if (video->video_bytes > 0 && all.video_bytes > (double)video_room(machine)) {
        return PLANNER_LIMIT_VIDEO_MEMORY;
    }
    /* rounded to the nearest number of videos: a core too few is better than one that has nothing to do */
    if (machine->jobs == 0 && machine->cores > 0 && all.cores - cores_of(video) / 2.0 > machine->cores) {
        return PLANNER_LIMIT_CORES;
    }
    if (machine->disk_bytes >= 0 && video->disk_bytes > machine->disk_bytes) {
        return PLANNER_LIMIT_DISK;
    }
    return PLANNER_LIMIT_NONE;
}

/* The governor's critical mark. One that runs alone may go above the high mark, where others are kept from
 * starting and it is asked to shrink. */
static const double alone_percent = 95.0;

int64_t planner_worker_most(const PlannerMachine *machine, int64_t asked_bytes)
{
    PlannerMachine alone = *machine;
    alone.others_bytes = PLANNER_OWN_BYTES;
    alone.high_percent = alone_percent;
    alone.total_bytes = machine->limit_bytes > 0 ? machine->limit_bytes : machine->total_bytes;
    const int64_t room = planner_room(&alone, false);
    if (room == INT64_MAX) {
        return asked_bytes;
    }
    const int64_t most = room > 0 ? room : 1; /* 0 would be no limit */
    return asked_bytes > 0 && asked_bytes < most ? asked_bytes : most;
}

/* ---- order ---- */

static int compare_lengths(double a, double b, bool longest_first)
{
    const bool known = a > 0;
    if (!known || !(b > 0)) {
        return (b > 0) - known; /* what is not known comes last */
    }
    return longest_first ? (a < b) - (a > b) : (a > b) - (a < b);
}

static int64_t bytes_of(const PlannerVideo *video)
{
    return video->bytes > 0 ? video->bytes : PLANNER_VIDEO_BYTES;
}

/* Whether `a` comes before `b`; their places decide between equals. */
static bool is_before(PlannerOrder order, const PlannerVideo *videos, size_t a, size_t b)
{
    int difference = 0;
    if (order == PLANNER_SHORTEST || order == PLANNER_LONGEST) {
        difference = compare_lengths(videos[a].length, videos[b].length, order == PLANNER_LONGEST);
    } else if (order == PLANNER_LARGEST_MEMORY_LAST) {
        difference =
            (bytes_of(&videos[a]) > bytes_of(&videos[b])) - (bytes_of(&videos[a]) < bytes_of(&videos[b]));
    }
    return difference != 0 ? difference < 0 : a < b;
}

/* ---- the next one ---- */

/* The first in the order that fulfils `test` (all where that is NULL); `count` when there is none. */
typedef bool (*Test)(const PlannerVideo *video, const void *context);

static size_t first_of(PlannerOrder order, const PlannerVideo *videos, size_t count, Test test,
                       const void *context)
{
    size_t first = count;
    for (size_t i = 0; i < count; i++) {
        if (test(&videos[i], context) && (first == count || is_before(order, videos, i, first))) {
            first = i;
        }
    }
    return first;
}

typedef struct Place {
    const PlannerMachine *machine;
    const Load *running;
} Place;

static bool fits(const PlannerVideo *video, const void *context)
{
    const Place *place = context;
    return lacks(place->machine, place->running, video) == PLANNER_LIMIT_NONE;
}

static bool fits_not(const PlannerVideo *video, const void *context)
{
    return !fits(video, context);
}

/* One that was passed as often as may be, and does not fit. */
static bool is_passed_enough(const PlannerVideo *video, const void *context)
{
    return video->passed >= PLANNER_PASSED_MOST && !fits(video, context);
}

PlannerPick planner_pick(const PlannerMachine *machine, PlannerOrder order, const PlannerVideo *running,
                         size_t running_count, PlannerVideo *waiting, size_t waiting_count)
{
    PlannerPick pick = {.limit = PLANNER_LIMIT_VIDEOS};
    const Load load = sum_up(running, running_count);
    const Place place = {machine, &load};
    if (waiting_count == 0) {
        return pick;
    }
    if (load.count >= jobs_most(machine)) {
        pick.limit = PLANNER_LIMIT_ASKED;
        return pick;
    }
    const size_t chosen = first_of(order, waiting, waiting_count, fits, &place);
    const size_t barrier = first_of(order, waiting, waiting_count, is_passed_enough, &place);
    if (chosen == waiting_count || (barrier < waiting_count && is_before(order, waiting, barrier, chosen))) {
        pick.blocked =
            barrier < waiting_count ? barrier : first_of(order, waiting, waiting_count, fits_not, &place);
        pick.limit = lacks(machine, &load, &waiting[pick.blocked]);
        return pick;
    }
    for (size_t i = 0; i < waiting_count; i++) {
        waiting[i].passed += i != chosen && is_before(order, waiting, i, chosen);
    }
    return (PlannerPick){.found = true, .index = chosen};
}

/* ---- how many ---- */

static double share(double of, double by)
{
    return by > 0 ? of / by : -1.0;
}

/* By the mean of all videos. */
static void tell_what_allows(PlannerJobs *jobs, const PlannerMachine *machine, const Load *all)
{
    const double count = all->count;
    for (int i = 0; i < PLANNER_LIMITS; i++) {
        jobs->allows[i] = -1.0;
    }
    jobs->allows[PLANNER_LIMIT_VIDEOS] = count;
    jobs->allows[PLANNER_LIMIT_ASKED] = jobs_most(machine);
    const int64_t room = planner_room(machine, all->guessed);
    if (room != INT64_MAX) {
        jobs->allows[PLANNER_LIMIT_MEMORY] = share((double)room * count, all->bytes);
    }
    if (video_room(machine) != INT64_MAX) {
        jobs->allows[PLANNER_LIMIT_VIDEO_MEMORY] =
            share((double)video_room(machine) * count, all->video_bytes);
    }
    if (machine->jobs == 0 && machine->cores > 0) {
        jobs->allows[PLANNER_LIMIT_CORES] = share(machine->cores * count, all->cores);
    }
    if (machine->disk_bytes >= 0) {
        jobs->allows[PLANNER_LIMIT_DISK] = share((double)machine->disk_bytes * count, all->disk_bytes);
    }
}

PlannerJobs planner_jobs(const PlannerMachine *machine, PlannerOrder order, const PlannerVideo *running,
                         size_t running_count, const PlannerVideo *waiting, size_t waiting_count)
{
    PlannerJobs jobs = {0};
    PlannerMachine now = *machine;
    size_t left = waiting_count;
    size_t run = running_count < PLANNER_JOBS_MOST ? running_count : PLANNER_JOBS_MOST;
    PlannerVideo *rest = memory_alloc(waiting_count + 1, sizeof *rest);
    PlannerVideo *started = memory_alloc(PLANNER_JOBS_MOST, sizeof *started);
    Load all = sum_up(running, running_count);
    for (size_t i = 0; i < waiting_count; i++) {
        rest[i] = waiting[i];
        add(&all, &waiting[i]);
    }
    for (size_t i = 0; i < run; i++) {
        started[i] = running[i];
    }
    PlannerPick pick = planner_pick(&now, order, started, run, rest, left);
    while (pick.found) {
        started[run++] = rest[pick.index];
        if (now.disk_bytes >= 0) {
            now.disk_bytes = at_least_zero(now.disk_bytes - at_least_zero(rest[pick.index].disk_bytes));
        }
        left--;
        memmove(&rest[pick.index], &rest[pick.index + 1], (left - pick.index) * sizeof *rest);
        pick = planner_pick(&now, order, started, run, rest, left);
    }
    jobs.jobs = (int)run;
    jobs.limit = pick.limit;
    tell_what_allows(&jobs, machine, &all);
    memory_free(started);
    memory_free(rest);
    return jobs;
}
