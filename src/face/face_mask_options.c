#include <stdlib.h>
#include <string.h>

#include "face/crop_model.h"
#include "face/face_mask_internal.h"

enum { FIRST_REGION_CLASS = 1 };

const char *const face_mask_regions[] = {"skin",    "left-eyebrow", "right-eyebrow", "left-eye", "right-eye",
                                         "glasses", "left-ear",     "right-ear",     "earring",  "nose",
                                         "mouth",   "upper-lip",    "lower-lip",     NULL};

static bool has(const TextList *list, const char *word)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (strcmp(list->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* One to four numbers, as in style sheets. */
static Status read_padding(const char *text, float padding[4], Error *err)
{
    float value[4] = {0};
    int count = 0;
    const char *at = text != NULL ? text : "0";
    bool good = true;
    for (bool more = true; good && more;) {
        char *end = NULL;
        const double number = strtod(at, &end);
        good = end != at && count < 4 && number >= 0 && number < 100 && (*end == ',' || *end == '\0');
        if (good) {
            value[count++] = (float)number / 100;
        }
        more = *end == ',';
        at = end + 1;
    }
    padding[0] = value[0];
    padding[1] = count > 1 ? value[1] : value[0];
    padding[2] = count > 2 ? value[2] : value[0];
    padding[3] = count > 3 ? value[3] : padding[1];
    if (good && padding[0] + padding[2] < 1 && padding[1] + padding[3] < 1) {
        return STATUS_OK;
    }
    (void)error_setf(err, ERROR_USAGE, "cannot mask faces", NULL, "\"%s\" is no padding of a box", text);
    error_advise(err,
                 "--face-mask-padding takes one to four percentages: top,right,bottom,left, as 0,5,10,5; "
                 "opposite ones make less than 100 together");
    return STATUS_FAILED;
}

static Status find_model(const char *name, ModelRole role, const char *option, const KnownModel **model,
                         Error *err)
{
    *model = crop_model_named(name != NULL ? name : "", role, "cannot mask faces", option, NULL, err);
    return *model != NULL ? STATUS_OK : STATUS_FAILED;
}

Status mask_read_options(const FaceMaskOptions *options, MaskWanted *wanted, Error *err)
{
    *wanted = (MaskWanted){
        .box = has(options->kinds, "box"), .hull = has(options->kinds, "hull"), .blur = options->blur};
    const bool all = options->regions == NULL || options->regions->count == 0;
    for (int i = 0; face_mask_regions[i] != NULL; i++) {
        wanted->class_[FIRST_REGION_CLASS + i] = all || has(options->regions, face_mask_regions[i]);
    }
    Status status = read_padding(options->padding, wanted->padding, err);
    if (status == STATUS_OK && has(options->kinds, "occlusion")) {
        status = find_model(options->occluder, MODEL_OCCLUDER, "face-occluder-model", &wanted->occluder, err);
    }
    if (status == STATUS_OK && has(options->kinds, "region")) {
        status = find_model(options->parser, MODEL_PARSER, "face-parser-model", &wanted->parser, err);
    }
    return status;
}

static bool is_wanted(const FaceMaskOptions *options)
{
    return options->kinds != NULL && options->kinds->count > 0;
}

size_t mask_input_floats(const MaskWanted *wanted)
{
    const size_t side = wanted->parser != NULL ? PARSER_SIDE : MASK_SIDE;
    return 3 * side * side;
}

size_t mask_output_floats(const MaskWanted *wanted)
{
    return wanted->parser != NULL ? (size_t)PARSER_CLASSES * PARSER_SIDE * PARSER_SIDE
                                  : (size_t)MASK_SIDE * MASK_SIDE;
}

Status face_mask_models(const FaceMaskOptions *options, const KnownModel *models[FACE_MASK_MODELS_MOST],
                        int *count, int64_t *running_bytes, Error *err)
{
    /* What such networks keep while they run, floats a pixel of their picture: a U-Net has some layers of 32
     * to 64 channels at its full size, a BiSeNet begins at half of it. */
    enum { OCCLUDER_FLOATS = 7 * 64, PARSER_FLOATS = 150 };
    MaskWanted wanted;
    *count = 0;
    *running_bytes = 0;
    if (!is_wanted(options)) {
        return STATUS_OK;
    }
    if (mask_read_options(options, &wanted, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    int64_t floats = 0;
    if (wanted.occluder != NULL) {
        models[(*count)++] = wanted.occluder;
        floats += OCCLUDER_FLOATS * MASK_SIDE * MASK_SIDE;
    }
    if (wanted.parser != NULL) {
        models[(*count)++] = wanted.parser;
        floats += PARSER_FLOATS * PARSER_SIDE * PARSER_SIDE;
    }
    if (*count > 0) {
        floats += (int64_t)(2 * mask_input_floats(&wanted) + mask_output_floats(&wanted));
    }
    *running_bytes = floats * (int64_t)sizeof(float);
    return STATUS_OK;
}
