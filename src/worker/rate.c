#include "worker/rate.h"

void rate_add(RateWindow *window, int64_t now_ms, int64_t frames)
{
    if (window->count > 0 && now_ms - window->at_ms[window->newest] < RATE_STEP_MS) {
        return;
    }
    window->newest = window->count > 0 ? (window->newest + 1) % RATE_SAMPLES : 0;
    window->at_ms[window->newest] = now_ms;
    window->frames[window->newest] = frames;
    if (window->count < RATE_SAMPLES) {
        window->count++;
    }
}

double rate_per_second(const RateWindow *window, int64_t now_ms, int64_t frames)
{
    if (window->count == 0) {
        return 0.0;
    }
    const int oldest = window->count < RATE_SAMPLES ? 0 : (window->newest + 1) % RATE_SAMPLES;
    const int64_t elapsed_ms = now_ms - window->at_ms[oldest];
    return elapsed_ms > 0 ? 1000.0 * (double)(frames - window->frames[oldest]) / (double)elapsed_ms : 0.0;
}
