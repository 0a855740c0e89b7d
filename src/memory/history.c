#include "memory/estimate.h"

int memory_size_class(int width, int height)
{
    int class_ = 0;
    for (int64_t pixels = (int64_t)width * height; pixels >= 4; pixels /= 4) {
        class_++;
    }
    return class_;
}

static double within(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

double memory_correction(const MemoryPast *past, int count)
{
    double ratios[MEMORY_PAST_MOST];
    int found = 0;
    for (int i = count - 1; i >= 0 && found < MEMORY_PAST_MOST; i--) {
        if (past[i].estimate_bytes <= 0 || past[i].peak_bytes <= 0) {
            continue;
        }
        const double ratio = (double)past[i].peak_bytes / (double)past[i].estimate_bytes;
        int at = found++;
        for (; at > 0 && ratios[at - 1] > ratio; at--) {
            ratios[at] = ratios[at - 1];
        }
        ratios[at] = ratio;
    }
    return found < MEMORY_PAST_LEAST ? 1.0 : within(ratios[found / 2], 0.75, 1.5);
}

MemoryEstimate memory_corrected(const MemoryEstimate *estimate, double factor)
{
    MemoryEstimate corrected = {0};
    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        corrected.part_bytes[i] = (int64_t)((double)estimate->part_bytes[i] * factor);
        corrected.total_bytes += corrected.part_bytes[i];
    }
    return corrected;
}
