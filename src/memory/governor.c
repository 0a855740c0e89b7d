#include "memory/governor.h"

#include "memory/governor_internal.h"

enum {
    TRACE_WINDOW_MS = 1250, /* of the growth: long enough for five readings, short enough to see a rush */
    TRACE_LEAST_MS = 400,
    TRACE_GAP_MS = 100,
    LEFT_SHARE = 100,     /* nothing is left: a hundredth of the total */
    SHRINK_GAP_MS = 1000, /* until what was asked for shows */
    GROW_GAP_MS = 5000,
    REQUEUE_GAP_MS = 2000,
    END_GAP_MS = 1000,
    PATIENCE_LEAST_MS = 10000,
    PATIENCE_MOST_MS = 320000,
    QUIET_MS = 600000, /* after which a failed attempt to grow is forgotten */
};

static const double critical_percent_usual = 95.0; /* issue 5 */

GovernorSettings governor_settings(double high_percent, double resume_percent, double timeout_s,
                                   double poll_s, bool fail_on_timeout)
{
    const double half_way = (high_percent + 100.0) / 2.0;
    return (GovernorSettings){
        .high_percent = high_percent,
        .critical_percent = high_percent < critical_percent_usual ? critical_percent_usual : half_way,
        .resume_percent = resume_percent,
        .timeout_ms = (int64_t)(timeout_s * 1000.0),
        .poll_ms = (int64_t)(poll_s * 1000.0),
        .fail_on_timeout = fail_on_timeout,
        .some_high = 20.0,
        .full_critical = 10.0,
        .full_stalled = 60.0,
        .hold_ms = 2000,
        .requeue_ms = 10000,
        .brink_ms = 1000,
    };
}

int64_t governor_shrunk(int64_t full, int shrunk)
{
    const int64_t rest = full >> shrunk;
    return rest > 1 ? rest : 1;
}

/* ---- what the readings say ---- */

static void judge(GovernorView *view, GovernorResource resource)
{
    const GovernorReading *reading = &view->input->reading[resource];
    const GovernorSettings *settings = view->settings;
    view->known[resource] = reading->total > 0;
    if (!view->known[resource]) {
        return;
    }
    const double percent = 100.0 * (double)governor_used(reading) / (double)reading->total;
    const bool pressed = resource == GOVERNOR_MEMORY && percent > settings->resume_percent;
    view->percent[resource] = percent;
    if (percent >= settings->critical_percent) {
        view->now[resource] = GOVERNOR_CRITICAL;
        view->reason[resource] = GOVERNOR_REASON_USED;
    } else if (pressed && view->input->full_avg10 >= settings->full_critical) {
        view->now[resource] = GOVERNOR_CRITICAL;
        view->reason[resource] = GOVERNOR_REASON_FULL;
    } else if (percent >= settings->high_percent) {
        view->now[resource] = GOVERNOR_HIGH;
        view->reason[resource] = GOVERNOR_REASON_USED;
    } else if (pressed && view->input->some_avg10 >= settings->some_high) {
        view->now[resource] = GOVERNOR_HIGH;
        view->reason[resource] = GOVERNOR_REASON_SOME;
    }
}

/* Whether this reading is below the mark of the way down. */
static bool may_fall(const GovernorView *view, GovernorResource resource, GovernorState state)
{
    const GovernorSettings *settings = view->settings;
    const double percent = view->percent[resource];
    if (percent <= settings->resume_percent) {
        return true;
    }
    return state == GOVERNOR_CRITICAL && percent < settings->high_percent &&
           (resource != GOVERNOR_MEMORY || view->input->full_avg10 < settings->full_critical / 2.0);
}

/* Up at once, down one state after `hold_ms` of readings that allow it. */
static void move(Governor *governor, const GovernorView *view, GovernorResource resource)
{
    const int64_t now_ms = view->input->now_ms;
    GovernorState *state = &governor->level[resource].state;
    if (view->known[resource] && view->now[resource] >= *state) {
        *state = view->now[resource];
        governor->level[resource].reason = view->reason[resource];
    }
    if (!view->known[resource] || view->now[resource] >= *state || !may_fall(view, resource, *state)) {
        governor->level[resource].calm = false;
        return;
    }
    if (!governor->level[resource].calm) {
        governor->level[resource].calm = true;
        governor->level[resource].calm_ms = now_ms;
    }
    if (now_ms - governor->level[resource].calm_ms >= governor->settings.hold_ms) {
        governor->level[resource].calm = false;
        *state = *state == GOVERNOR_CRITICAL ? GOVERNOR_HIGH : GOVERNOR_OK;
    }
}

static GovernorResource worse(const Governor *governor)
{
    return governor->level[GOVERNOR_VIDEO_MEMORY].state > governor->level[GOVERNOR_MEMORY].state
               ? GOVERNOR_VIDEO_MEMORY
               : GOVERNOR_MEMORY;
}

static GovernorState state_of(const Governor *governor)
{
    return governor->level[worse(governor)].state;
}

/* ---- growth ---- */

static void remember(Governor *governor, int64_t now_ms, int64_t used)
{
    size_t first = 0;
    if (governor->traced > 0 && now_ms - governor->trace[governor->traced - 1].ms < TRACE_GAP_MS) {
        return; /* the trace is to reach back as far as the window */
    }
    while (first < governor->traced && (governor->traced - first >= GOVERNOR_TRACE ||
                                        now_ms - governor->trace[first].ms > TRACE_WINDOW_MS)) {
        first++;
    }
    for (size_t i = first; i < governor->traced; i++) {
        governor->trace[i - first] = governor->trace[i];
    }
    governor->traced -= first;
    governor->trace[governor->traced].ms = now_ms;
    governor->trace[governor->traced].used = used;
    governor->traced++;
}

/* Bytes a second, by least squares over the window; 0 where too little is known. */
static double growth_of(const Governor *governor)
{
    const size_t count = governor->traced;
    if (count < 3 || governor->trace[count - 1].ms - governor->trace[0].ms < TRACE_LEAST_MS) {
        return 0;
    }
    double mean_t = 0;
    double mean_used = 0;
    for (size_t i = 0; i < count; i++) {
        mean_t += (double)(governor->trace[i].ms - governor->trace[0].ms) / (double)count;
        mean_used += (double)governor->trace[i].used / (double)count;
    }
    double over = 0;
    double under = 0;
    for (size_t i = 0; i < count; i++) {
        const double t = (double)(governor->trace[i].ms - governor->trace[0].ms) - mean_t;
        over += t * ((double)governor->trace[i].used - mean_used);
        under += t * t;
    }
    return under > 0 ? 1000.0 * over / under : 0;
}

/* How long until so many bytes more are used, as use grows now; INT64_MAX: it does not. */
static int64_t ms_until(double bytes, double growth)
{
    const double ms = growth > 0 ? 1000.0 * bytes / growth : 1e15;
    return ms < 1e15 ? (int64_t)(ms > 0 ? ms : 0) : INT64_MAX;
}

/* Whether somebody must leave: use is critical, or will be before a chunk ends. */
static bool too_little(const Governor *governor, const GovernorView *view, double growth)
{
    const GovernorResource resource = worse(governor);
    if (view->now[resource] != GOVERNOR_HIGH || resource != GOVERNOR_MEMORY) {
        return view->now[resource] == GOVERNOR_CRITICAL;
    }
    const GovernorReading *reading = &view->input->reading[resource];
    const double mark = governor->settings.critical_percent / 100.0 * (double)reading->total;
    return ms_until(mark - (double)governor_used(reading), growth) < governor->settings.requeue_ms;
}

/* Whether the machine is about to stall: only then is a worker killed. */
static bool on_the_brink(Governor *governor, const GovernorView *view, double growth)
{
    const GovernorReading *reading = &view->input->reading[GOVERNOR_MEMORY];
    const int64_t now_ms = view->input->now_ms;
    if (governor->level[GOVERNOR_MEMORY].state != GOVERNOR_CRITICAL || !view->known[GOVERNOR_MEMORY]) {
        governor->stalled = false;
        return false;
    }
    const bool stalls = view->percent[GOVERNOR_MEMORY] > governor->settings.resume_percent &&
                        view->input->full_avg10 >= governor->settings.full_stalled;
    if (!stalls && reading->available > reading->total / LEFT_SHARE) {
        governor->stalled = false;
    } else if (!governor->stalled) {
        governor->stalled = true;
        governor->stalled_ms = now_ms;
    }
    if (governor->stalled && now_ms - governor->stalled_ms >= governor->settings.hold_ms) {
        return true;
    }
    return view->now[GOVERNOR_MEMORY] == GOVERNOR_CRITICAL &&
           ms_until((double)reading->available, growth) < governor->settings.brink_ms;
}

/* ---- actions ---- */

static bool is_due(int64_t now_ms, int64_t last_ms, int64_t gap_ms)
{
    return last_ms == 0 || now_ms - last_ms >= gap_ms;
}

static GovernorAction act(GovernorActionKind kind, const GovernorWorker *worker, int level, int64_t *last_ms,
                          int64_t now_ms)
{
    *last_ms = now_ms;
    return (GovernorAction){.kind = kind, .worker = worker->id, .level = level};
}

static GovernorAction grow_back(Governor *governor, const GovernorView *view)
{
    const int64_t now_ms = view->input->now_ms;
    const GovernorWorker *worker = NULL;
    if (now_ms - governor->ok_ms < governor->patience_ms || !is_due(now_ms, governor->grew_ms, GROW_GAP_MS) ||
        (worker = governor_to_grow(view)) == NULL) {
        return (GovernorAction){0};
    }
    governor->grew = true;
    return act(GOVERNOR_GROW, worker, worker->shrunk - 1, &governor->grew_ms, now_ms);
}

static GovernorAction choose_action(Governor *governor, const GovernorView *view, bool brink,
                                    const GovernorDecision *decision)
{
    const GovernorInput *input = view->input;
    const GovernorResource resource = worse(governor);
    const GovernorWorker *worker = NULL;
    if (state_of(governor) == GOVERNOR_OK) {
        return grow_back(governor, view);
    }
    if (brink && is_due(input->now_ms, governor->ended_ms, END_GAP_MS) &&
        (worker = governor_to_end(input, decision->cause)) != NULL) {
        return act(GOVERNOR_END, worker, 0, &governor->ended_ms, input->now_ms);
    }
    if (too_little(governor, view, decision->growth) &&
        is_due(input->now_ms, governor->requeued_ms, REQUEUE_GAP_MS) &&
        (worker = governor_to_requeue(input, resource)) != NULL) {
        return act(GOVERNOR_REQUEUE, worker, 0, &governor->requeued_ms, input->now_ms);
    }
    if (view->now[resource] != GOVERNOR_OK && is_due(input->now_ms, governor->shrank_ms, SHRINK_GAP_MS) &&
        (worker = governor_to_shrink(input, resource)) != NULL) {
        return act(GOVERNOR_SHRINK, worker, worker->shrunk + 1, &governor->shrank_ms, input->now_ms);
    }
    return (GovernorAction){0};
}

/* ---- the pause before a video ---- */

/* By this reading alone. */
static GovernorState worst_now(const GovernorView *view)
{
    return view->now[GOVERNOR_VIDEO_MEMORY] > view->now[GOVERNOR_MEMORY] ? view->now[GOVERNOR_VIDEO_MEMORY]
                                                                         : view->now[GOVERNOR_MEMORY];
}

static bool use_is_critical(const GovernorView *view)
{
    return view->percent[GOVERNOR_MEMORY] >= view->settings->critical_percent ||
           view->percent[GOVERNOR_VIDEO_MEMORY] >= view->settings->critical_percent;
}

static void release(Governor *governor)
{
    for (int resource = 0; resource < GOVERNOR_RESOURCES; resource++) {
        governor->level[resource].state = GOVERNOR_OK;
        governor->level[resource].calm = false;
    }
    governor->waiting = false;
}

static GovernorAdmission time_out(Governor *governor, const GovernorView *view, bool *timed_out)
{
    const bool ours_run = view->input->worker_count > 0;
    const bool first = !governor->released;
    if (ours_run && (governor->settings.fail_on_timeout || worst_now(view) != GOVERNOR_OK)) {
        return GOVERNOR_WAIT; /* they will end */
    }
    if (!ours_run && (governor->settings.fail_on_timeout || use_is_critical(view))) {
        *timed_out = true;
        governor->released = false;
        governor->wait_ms = view->input->now_ms; /* the next video has a pause of its own */
        return GOVERNOR_GIVE_UP;
    }
    *timed_out = first;
    if (worst_now(view) == GOVERNOR_OK) {
        release(governor);
        return GOVERNOR_ADMIT;
    }
    governor->released = true;
    return GOVERNOR_ADMIT_ONE;
}

static GovernorAdmission admit(Governor *governor, const GovernorView *view, GovernorDecision *decision)
{
    const int64_t now_ms = view->input->now_ms;
    const bool ok = state_of(governor) == GOVERNOR_OK;
    if (!view->input->wanted || (ok && !governor->waiting)) {
        governor->waiting = false;
        governor->released = false;
        return ok ? GOVERNOR_ADMIT : GOVERNOR_WAIT;
    }
    const bool begins = !governor->waiting || (governor->released && view->input->worker_count > 0);
    const bool polled = begins || now_ms - governor->poll_ms >= governor->settings.poll_ms;
    if (begins) {
        governor->waiting = true;
        governor->released = false;
        governor->wait_ms = now_ms;
    }
    if (polled) {
        governor->poll_ms = now_ms;
    }
    decision->tell = polled;
    decision->waited_ms = now_ms - governor->wait_ms;
    if (ok) {
        governor->waiting = !polled;
        return polled ? GOVERNOR_ADMIT : GOVERNOR_WAIT;
    }
    if (governor->settings.timeout_ms > 0 && decision->waited_ms >= governor->settings.timeout_ms) {
        return time_out(governor, view, &decision->timed_out);
    }
    return GOVERNOR_WAIT;
}

/* ---- a step ---- */

static void weigh(const Governor *governor, const GovernorView *view, GovernorDecision *decision)
{
    const GovernorInput *input = view->input;
    const GovernorResource resource = decision->resource;
    int64_t ours = resource == GOVERNOR_MEMORY ? input->own_bytes : 0;
    for (size_t i = 0; i < input->worker_count; i++) {
        ours += input->workers[i].bytes[resource];
    }
    decision->used_percent = view->percent[resource];
    decision->total_bytes = view->known[resource] ? input->reading[resource].total : 0;
    decision->used_bytes = view->known[resource] ? governor_used(&input->reading[resource]) : 0;
    decision->ours_bytes = ours < decision->used_bytes ? ours : decision->used_bytes;
    decision->others_bytes = decision->used_bytes - decision->ours_bytes;
    decision->reason = governor->level[resource].reason;
    decision->cause =
        decision->ours_bytes >= decision->others_bytes ? GOVERNOR_CAUSE_OURS : GOVERNOR_CAUSE_OTHERS;
}

/* How long it must be ok before a worker grows: longer each time that growing led back to high. */
static void learn_patience(Governor *governor, int64_t now_ms, GovernorState state)
{
    if (governor->patience_ms == 0) {
        governor->patience_ms = PATIENCE_LEAST_MS;
        governor->ok_ms = now_ms;
    }
    if (state == GOVERNOR_OK && governor->told != GOVERNOR_OK) {
        governor->ok_ms = now_ms;
    } else if (state != GOVERNOR_OK && governor->told == GOVERNOR_OK) {
        if (governor->grew && now_ms - governor->ok_ms < QUIET_MS) {
            governor->patience_ms =
                governor->patience_ms < PATIENCE_MOST_MS / 2 ? 2 * governor->patience_ms : PATIENCE_MOST_MS;
        } else if (now_ms - governor->ok_ms >= QUIET_MS) {
            governor->patience_ms = PATIENCE_LEAST_MS;
        }
        governor->grew = false;
    }
}

GovernorDecision governor_step(Governor *governor, const GovernorInput *input)
{
    GovernorDecision decision = {0};
    GovernorView view = {.input = input, .settings = &governor->settings};
    for (int resource = 0; resource < GOVERNOR_RESOURCES; resource++) {
        judge(&view, (GovernorResource)resource);
        move(governor, &view, (GovernorResource)resource);
    }
    if (view.known[GOVERNOR_MEMORY]) {
        remember(governor, input->now_ms, governor_used(&input->reading[GOVERNOR_MEMORY]));
    }
    decision.growth = growth_of(governor);
    decision.resource = worse(governor);
    weigh(governor, &view, &decision);
    const bool brink = on_the_brink(governor, &view, decision.growth);
    decision.admission = admit(governor, &view, &decision);
    decision.state = state_of(governor);
    decision.changed = decision.state != governor->told;
    learn_patience(governor, input->now_ms, decision.state);
    governor->told = decision.state;
    decision.action = choose_action(governor, &view, brink, &decision);
    if (decision.state == GOVERNOR_OK && !decision.timed_out) {
        decision.cause = GOVERNOR_CAUSE_NONE;
        decision.reason = GOVERNOR_REASON_NONE;
    }
    return decision;
}
