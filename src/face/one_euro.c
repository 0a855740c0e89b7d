#include "face/one_euro.h"

#include <assert.h>
#include <math.h>

static const float two_pi = 6.28318531f;

float low_pass_share(float cutoff_hz, float dt_s)
{
    float turns = two_pi * cutoff_hz * dt_s;
    return turns / (turns + 1.0f);
}

void one_euro_step(OneEuro *filter, const OneEuroParams *params, const float *value, int size, float dt_s)
{
    assert(size >= 1 && size <= ONE_EURO_MAX_SIZE);
    if (!filter->started) {
        for (int i = 0; i < size; i++) {
            filter->value[i] = value[i];
            filter->speed[i] = 0.0f;
        }
        filter->started = true;
        return;
    }
    if (!(dt_s > 0.0f)) {
        return;
    }
    float speed_share = low_pass_share(params->derivative_cutoff_hz, dt_s);
    float squared_speed = 0.0f;
    for (int i = 0; i < size; i++) {
        float speed = (value[i] - filter->value[i]) / dt_s;
        filter->speed[i] += speed_share * (speed - filter->speed[i]);
        squared_speed += filter->speed[i] * filter->speed[i];
    }
    float share = low_pass_share(params->min_cutoff_hz + params->beta * sqrtf(squared_speed), dt_s);
    for (int i = 0; i < size; i++) {
        filter->value[i] += share * (value[i] - filter->value[i]);
    }
}
