#include "face/fineness.h"

#include <math.h>

/* ---- what is measured ---- */

bool fineness_span(const FaceEllipse *at, float scale, int row, int columns_begin, int columns_end,
                   int span[2])
{
    const float cosine = cosf(at->angle);
    const float sine = sinf(at->angle);
    const float across = 1 / (scale * scale * at->rx * at->rx);
    const float along = 1 / (scale * scale * at->ry * at->ry);
    const float dy = (float)row - at->cy;
    /* a dx^2 + 2 b dx + c = 0 */
    const float a = cosine * cosine * across + sine * sine * along;
    const float b = dy * cosine * sine * (across - along);
    const float c = dy * dy * (sine * sine * across + cosine * cosine * along) - 1;
    const float root = b * b - a * c;
    if (!(a > 0) || !(root >= 0)) {
        return false;
    }
    const float middle = at->cx - b / a;
    const float half = sqrtf(root) / a;
    span[0] = (int)fmaxf(ceilf(middle - half), (float)columns_begin);
    span[1] = (int)fminf(floorf(middle + half) + 1, (float)columns_end);
    return span[0] < span[1];
}

static const float bin_offset = 16; /* octaves below 1 */
static const float bins_an_octave = 8;

static int bin_of(float energy)
{
    const int bin = energy > 0 ? (int)(bins_an_octave * (log2f(energy) + bin_offset)) : 0;
    return bin < 0 ? 0 : bin < FINENESS_BINS ? bin : FINENESS_BINS - 1;
}

static void add_blocks(Fineness *fineness, const Octaves *tile, int row, int begin, int end)
{
    enum { SIDE = 5 };
    for (int x = begin; x + SIDE <= end; x += SIDE) {
        float sum = 0;
        for (int dy = 0; dy < SIDE; dy++) {
            const ptrdiff_t at = (row + dy) * tile->stride + x;
            for (int dx = 0; dx < SIDE; dx++) {
                const float detail = tile->plane[0][at + dx] - tile->plane[1][at + dx];
                sum += detail * detail;
            }
        }
        fineness->bin[bin_of(sum / (SIDE * SIDE))]++;
        fineness->blocks++;
    }
}

/* How far the step to `value` differs from the mean of the steps before and after it. */
static float bend(const float *value, ptrdiff_t step)
{
    const float here = value[0] - value[-step];
    const float before = value[-step] - value[-2 * step];
    const float after = value[step] - value[0];
    return fabsf(here - 0.5F * (before + after));
}

static void add_steps(Fineness *fineness, const Octaves *tile, int x0, int y0, int row, int begin, int end)
{
    const float *line = tile->plane[0] + row * tile->stride;
    const bool has_rows = row >= 2 && row + 1 < tile->height;
    const int down = (y0 + row) % FINENESS_PHASES;
    double sum = 0;
    for (int x = begin > 2 ? begin : 2; x < end && x + 1 < tile->width; x++) {
        const int phase = (x0 + x) % FINENESS_PHASES;
        fineness->step[phase] += (double)bend(line + x, 1);
        fineness->steps[phase]++;
        sum += has_rows ? (double)bend(line + x, tile->stride) : 0;
    }
    if (has_rows) {
        fineness->step[down] += sum;
        fineness->steps[down] += end - begin;
    }
}

void fineness_add_row(Fineness *fineness, const Octaves *tile, int x0, int y0, int y, int begin, int end)
{
    enum { EVERY = 5 };
    const int row = y - y0;
    const ptrdiff_t line = row * tile->stride - x0;
    float energy[2] = {0, 0};
    for (int x = begin; x < end; x++) {
        const float smooth = tile->plane[1][line + x];
        const float first = tile->plane[0][line + x] - smooth;
        const float second = smooth - tile->plane[2][line + x];
        energy[0] += first * first;
        energy[1] += second * second;
    }
    fineness->energy[0] += (double)energy[0];
    fineness->energy[1] += (double)energy[1];
    fineness->pixels += end - begin;
    if (y % EVERY == 0 && row + EVERY <= tile->height) {
        add_blocks(fineness, tile, row, begin - x0, end - x0);
    }
    add_steps(fineness, tile, x0, y0, row, begin - x0, end - x0);
}

/* ---- what is made of it ---- */

static float ramp(float value, float from, float to)
{
    const float t = (value - from) / (to - from);
    return t < 0 ? 0 : t < 1 ? t : 1;
}

/* The energy below which that share of the blocks lies. */
static float quantile(const Fineness *fineness, double share)
{
    double left = share * fineness->blocks;
    for (int bin = 0; bin < FINENESS_BINS; bin++) {
        if (fineness->bin[bin] > left) {
            const float at = (float)bin + (float)(left / fineness->bin[bin]);
            return exp2f(at / bins_an_octave - bin_offset);
        }
        left -= fineness->bin[bin];
    }
    return 0;
}

/* Of white noise the calmest tenth of the blocks has 0.74 times the mean, and the calmest quarter little
 * more; details leave calm places between them, so that there the two are far apart. */
static float noise_of(const Fineness *fineness)
{
    static const float mean_of_tenth = 1.35F;
    const float tenth = quantile(fineness, 0.1);
    const float quarter = quantile(fineness, 0.25);
    const float even = tenth > 0 ? 1 - ramp(quarter / tenth, 1.45F, 1.7F) : 0;
    return mean_of_tenth * tenth * even * ramp(tenth, 2, 6);
}

static float mean_step(const Fineness *fineness, int phase)
{
    return fineness->steps[phase] > 0 ? (float)(fineness->step[phase] / fineness->steps[phase]) : 0;
}

/* How much larger steps at the borders of blocks are than in their middle. Borders of 4 x 4 blocks are not
 * told from details. */
static float grid_of(const Fineness *fineness)
{
    const float middle = mean_step(fineness, FINENESS_PHASES / 2);
    return middle > 0 ? mean_step(fineness, 0) / middle : 1;
}

/* What the borders of blocks add to the first octave. */
static float blocks_of(const Fineness *fineness)
{
    static const float energy_of_step = 0.7F;
    const float border = mean_step(fineness, 0);
    const float middle = mean_step(fineness, FINENESS_PHASES / 2);
    const float excess = border > middle ? border - middle : 0;
    return energy_of_step * excess * excess * ramp(grid_of(fineness), 1.4F, 1.9F);
}

/* The gains at ratios of the first octave's energy to the second's. In sharp pictures it is above 0.36. */
typedef struct Knot {
    float ratio;
    float gain[OCTAVES_MOST];
} Knot;

static const Knot knots[] = {
    {0.10F, {0.37F, 1.67F, 0.01F}},   {0.115F, {0.27F, 1.36F, -0.19F}},
    {0.135F, {0.07F, 0.84F, -0.25F}}, {0.16F, {0.26F, 0.34F, -0.21F}},
    {0.19F, {0.59F, -0.03F, -0.07F}}, {0.235F, {0.81F, -0.10F, -0.05F}},
    {0.29F, {0.90F, -0.15F, -0.02F}}, {0.36F, {0, 0, 0}},
};

enum { KNOTS = sizeof knots / sizeof knots[0] };

static void gains_at(float ratio, float gain[OCTAVES_MOST])
{
    int i = 0;
    while (i + 2 < KNOTS && ratio >= knots[i + 1].ratio) {
        i++;
    }
    const Knot *a = &knots[i];
    const Knot *b = &knots[i + 1];
    const float t = ratio > 0 ? ramp(logf(ratio), logf(a->ratio), logf(b->ratio)) : 0;
    for (int k = 0; k < OCTAVES_MOST; k++) {
        gain[k] = a->gain[k] + t * (b->gain[k] - a->gain[k]);
    }
}

/* In so many pixels, with so much in them, blur can be told. */
static bool is_telling(const Fineness *fineness)
{
    static const double pixels_least = 400;
    static const double energy_least = 1.0; /* of the second octave, a pixel */
    return fineness->pixels >= pixels_least && fineness->energy[1] >= energy_least * fineness->pixels;
}

static float ratio_of(const Fineness *fineness)
{
    return is_telling(fineness) ? (float)(fineness->energy[0] / fineness->energy[1]) : INFINITY;
}

Restoration fineness_restoration(const Fineness *face, float quantiser)
{
    Restoration restoration = {.noise = fmaxf(noise_of(face), blocks_of(face))};
    gains_at(ratio_of(face), restoration.gain);
    /* What is sharpened is the noise, too: the more of it, the less. And what is compressed has lost its
     * finest details for good, which looks like blur: its blocks tell, or, as H.264 smooths them, its
     * decoder. */
    const float energy = face->pixels > 0 ? (float)(face->energy[0] / face->pixels) : 0;
    const float share = energy > 0 ? fminf(2 * restoration.noise / energy, 1) : 0;
    const float compressed = fmaxf(ramp(grid_of(face), 1.07F, 1.22F), ramp(quantiser, 24, 30));
    for (int k = 0; k < OCTAVES_MOST; k++) {
        restoration.gain[k] *= (1 - share) * (1 - compressed);
    }
    return restoration;
}

Restoration fineness_match(const Fineness *face, const Fineness *around)
{
    Restoration restoration = {0};
    const float noise = noise_of(face);
    const float wanted = noise_of(around);
    float gain[OCTAVES_MOST];
    if (is_telling(face) && is_telling(around)) {
        gains_at(ratio_of(face), restoration.gain);
        gains_at(ratio_of(around), gain);
        for (int k = 0; k < OCTAVES_MOST; k++) {
            restoration.gain[k] -= gain[k];
        }
    }
    restoration.noise = noise > wanted ? noise - wanted : 0;
    restoration.grain = wanted > noise ? wanted - noise : 0;
    return restoration;
}

bool restoration_is_nothing(const Restoration *restoration)
{
    static const float least = 0.02F;
    bool nothing = restoration->noise <= 0 && restoration->grain <= 0;
    for (int k = 0; k < OCTAVES_MOST; k++) {
        nothing = nothing && fabsf(restoration->gain[k]) < least;
    }
    return nothing;
}
