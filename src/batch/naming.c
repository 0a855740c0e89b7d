#include "batch/naming.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"

/* NAME_MAX is 255 on Linux' file systems; the temporary name adds a dot (and its suffix has a zero less). */
enum { LONGEST_NAME = 255 - sizeof NAMING_TEMPORARY_SUFFIX };

static const char *const containers[] = {".mp4", ".m4v", ".mov", ".mkv", ".webm", NULL};

bool naming_is_container(const char *extension)
{
    for (const char *const *container = containers; *container != NULL; container++) {
        if (strcasecmp(extension, *container) == 0) {
            return true;
        }
    }
    return false;
}

const char *naming_containers(void)
{
    return "mp4, m4v, mov, mkv, webm";
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void append_number(Text *name, const char *stem)
{
    const char *end = stem + strlen(stem);
    while (end > stem && !is_digit(end[-1])) {
        end--;
    }
    const char *start = end;
    while (start > stem && is_digit(start[-1])) {
        start--;
    }
    if (start == end) {
        text_append(name, stem);
    } else {
        text_append_bytes(name, start, (size_t)(end - start));
    }
}

static Status refuse_template(const char *template_, const char *why, Error *err)
{
    (void)error_setf(err, ERROR_USAGE, "--output-name", NULL, "'%.120s' %s", template_, why);
    error_advise(err, "known: {source} {number} {stem} {index}; {{ for a brace itself");
    return STATUS_FAILED;
}

/* Appends what stands for the placeholder of `length` bytes; false when there is none of that name. */
static bool append_placeholder(Text *name, const char *placeholder, size_t length, const NameParts *parts,
                               const char *stem)
{
    static const char *const known[] = {"source", "number", "stem", "index"};
    size_t which = 0;
    while (which < 4 && (strlen(known[which]) != length || strncmp(known[which], placeholder, length) != 0)) {
        which++;
    }
    if (which == 0 && parts->source != NULL) {
        char *source = path_stem(parts->source);
        text_append(name, source);
        memory_free(source);
        return true;
    }
    if (which == 1) {
        append_number(name, stem);
    } else if (which == 2) {
        text_append(name, stem);
    } else if (which == 3) {
        text_appendf(name, "%lld", (long long)parts->index);
    }
    return which > 0 && which < 4;
}

static Status expand_braces(const char *template_, const NameParts *parts, const char *stem, Text *name,
                            Error *err)
{
    for (const char *c = template_; *c != '\0'; c++) {
        if ((*c == '{' || *c == '}') && c[1] == *c) {
            text_append_bytes(name, c, 1);
            c++;
        } else if (*c == '}') {
            return refuse_template(template_, "has a } without its {", err);
        } else if (*c == '{') {
            const size_t length = strcspn(c + 1, "{}");
            if (c[1 + length] != '}') {
                return refuse_template(template_, "has a { without its }", err);
            }
            if (!append_placeholder(name, c + 1, length, parts, stem)) {
                return refuse_template(template_, "has a placeholder that is not known here", err);
            }
            c += 1 + length;
        } else {
            text_append_bytes(name, c, 1);
        }
    }
    return STATUS_OK;
}

static void replace_control(char *name)
{
    for (unsigned char *c = (unsigned char *)name; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7F) {
            *c = '_';
        }
    }
}

Status naming_check(const char *name, const char *encoder, Error *err)
{
    const size_t length = strlen(name);
    if (length > LONGEST_NAME) {
        (void)error_setf(err, ERROR_USAGE, "the output's name is too long", name, "%zu bytes, %d at most",
                         length, (int)LONGEST_NAME);
        error_advise(err, "choose a shorter one: --output-name '{source}_{index}'");
        return STATUS_FAILED;
    }
    const bool vp9 = strcmp(encoder, "libvpx-vp9") == 0;
    const bool h265 = strcmp(encoder, "libx265") == 0 || strcmp(encoder, "hevc_nvenc") == 0;
    const bool m4v = text_ends_with_nocase(name, ".m4v");
    if ((text_ends_with_nocase(name, ".mov") && vp9) || (m4v && (vp9 || h265))) {
        (void)error_setf(err, ERROR_USAGE, "this container cannot hold this video", name,
                         "what %s makes does not go into %s", encoder, m4v ? "m4v" : "mov");
        error_advise(err, "a name in .mp4 or .mkv, or --output-video-encoder libx264");
        return STATUS_FAILED;
    }
    if (text_ends_with_nocase(name, ".webm") && strcmp(encoder, "libvpx-vp9") != 0) {
        (void)error_setf(err, ERROR_USAGE, "a webm file cannot hold this video", name, "%s does not make VP9",
                         encoder);
        error_advise(err, "--output-video-encoder libvpx-vp9, or a name in .mp4 or .mkv");
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

Status naming_expand(const char *template_, const NameParts *parts, char **name, Error *err)
{
    *name = NULL;
    if (strchr(template_, '/') != NULL) {
        (void)refuse_template(template_, "has a '/': it names a file, not a folder (--output-dir)", err);
        return STATUS_FAILED;
    }
    char *stem = path_stem(parts->video);
    Text text = {0};
    text_append(&text, "");
    Status status = expand_braces(template_, parts, stem, &text, err);
    const char *extension = path_extension(template_);
    const size_t own = naming_is_container(extension) ? strlen(extension) : 0;
    if (status == STATUS_OK && text.length == own) {
        status = refuse_template(template_, "gives an empty name", err);
    } else if (status == STATUS_OK && text.data[0] == '.') {
        status = refuse_template(template_, "gives a hidden name, one that starts with a dot", err);
    }
    if (status == STATUS_OK) {
        text_append(&text, own > 0 ? "" : ".mp4");
        replace_control(text.data);
        *name = text.data;
        text = (Text){0};
    }
    text_free(&text);
    memory_free(stem);
    return status;
}
