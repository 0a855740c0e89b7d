#include "face/one_euro.h"

#include <assert.h>
#include <math.h>

static const float two_pi = 6.28318531f;

float low_pass_share(float cutoff_hz, float dt_s)
{
    float turns = two_pi * cutoff_hz * dt_s;
    return turns / (turns + 1.0f);
}

static void begin(OneEuro *filter, const float *value, int size)
{
    *filter = (OneEuro){.started = true};
    for (int i = 0; i < size; i++) {
        filter->value[i] = value[i];
        filter->level[i] = value[i];
        filter->sample[i] = value[i];
    }
}

/* The share of the lag to make up for: all of it in fast motion, none at rest, where the speed is noise. */
static float lead_share(const OneEuroParams *params, float squared_speed)
{
    float limit = params->lead_speed * params->lead_speed;
    return limit > 0.0f ? squared_speed / (squared_speed + limit) : 0.0f;
}

void one_euro_step(OneEuro *filter, const OneEuroParams *params, const float *value, int size, float dt_s)
{
    assert(size >= 1 && size <= ONE_EURO_MAX_SIZE);
    if (!filter->started) {
        begin(filter, value, size);
        return;
    }
    if (!(dt_s > 0.0f)) {
        return;
    }
    float speed_share = low_pass_share(params->derivative_cutoff_hz, dt_s);
    float squared_pull = 0.0f;
    float squared_speed = 0.0f;
    for (int i = 0; i < size; i++) {
        filter->pull[i] += speed_share * ((value[i] - filter->level[i]) / dt_s - filter->pull[i]);
        filter->speed[i] += speed_share * ((value[i] - filter->sample[i]) / dt_s - filter->speed[i]);
        filter->sample[i] = value[i];
        squared_pull += filter->pull[i] * filter->pull[i];
        squared_speed += filter->speed[i] * filter->speed[i];
    }
    float share = low_pass_share(params->min_cutoff_hz + params->beta * sqrtf(squared_pull), dt_s);
    float lead_s = lead_share(params, squared_speed) * dt_s * (1.0f - share) / share;
    for (int i = 0; i < size; i++) {
        filter->level[i] += share * (value[i] - filter->level[i]);
        filter->value[i] = filter->level[i] + lead_s * filter->speed[i];
    }
}
