#include "worker/provenance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"

#define DIGITAL_SOURCE_TYPE                                                                                  \
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

#define COMMENT_BEGIN "Faces changed by runbatch "

static const char xmp_packet[] = "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
                                 "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
                                 " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
                                 "  <rdf:Description rdf:about=\"\"\n"
                                 "    xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\"\n"
                                 "    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n"
                                 "    Iptc4xmpExt:DigitalSourceType=\"" DIGITAL_SOURCE_TYPE "\"\n"
                                 "    xmp:CreatorTool=\"runbatch " RUNBATCH_VERSION "\"/>\n"
                                 " </rdf:RDF>\n"
                                 "</x:xmpmeta>\n"
                                 "<?xpacket end=\"r\"?>";

/* BE7ACFCB-97A9-42E8-9C71-999491E3AFAC */
static const uint8_t xmp_uuid[16] = {0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8,
                                     0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC};

static bool holds_boxes(const char *name)
{
    static const char *const extensions[] = {".mp4", ".m4v", ".mov"};
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        if (text_ends_with_nocase(name, extensions[i])) {
            return true;
        }
    }
    return false;
}

void provenance_make(Provenance *provenance, const TextList *processors, const char *final_name)
{
    Text comment = {0};
    text_append(&comment, COMMENT_BEGIN RUNBATCH_VERSION " (");
    for (size_t i = 0; i < processors->count; i++) {
        text_appendf(&comment, "%s%s", i > 0 ? ", " : "", path_name(processors->items[i]));
    }
    text_append(&comment, "). Digital source type: " DIGITAL_SOURCE_TYPE);
    *provenance = (Provenance){
        .comment = comment.data,
        .pairs = {{"comment", comment.data},
                  {"DIGITAL_SOURCE_TYPE", DIGITAL_SOURCE_TYPE},
                  {NULL, NULL},
                  {NULL, NULL}},
    };
    if (!holds_boxes(final_name)) {
        provenance->pairs[2][0] = "XMP";
        provenance->pairs[2][1] = xmp_packet;
    }
}

void provenance_free(Provenance *provenance)
{
    memory_free(provenance->comment);
    *provenance = (Provenance){0};
}

Status provenance_add_xmp(const char *path, const char *final_name, Error *err)
{
    static const char what[] = "cannot write the provenance mark";
    enum { HEADER = 24, TEXT = sizeof xmp_packet - 1, BOX = HEADER + TEXT };
    if (!holds_boxes(final_name)) {
        return STATUS_OK;
    }
    uint8_t box[BOX] = {(uint8_t)(BOX >> 24),
                        (uint8_t)(BOX >> 16 & 0xFF),
                        (uint8_t)(BOX >> 8 & 0xFF),
                        (uint8_t)(BOX & 0xFF),
                        'u',
                        'u',
                        'i',
                        'd'};
    memcpy(box + 8, xmp_uuid, sizeof xmp_uuid);
    memcpy(box + HEADER, xmp_packet, TEXT);
    const int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, what, path, errno);
    }
    Status status = STATUS_OK;
    for (size_t done = 0; status == STATUS_OK && done < BOX;) {
        const ssize_t count = write(fd, box + done, BOX - done);
        if (count >= 0) {
            done += (size_t)count;
        } else if (errno != EINTR) {
            status = error_set_errno(err, ERROR_ENVIRONMENT, what, path, errno);
        }
    }
    (void)close(fd);
    return status;
}

static const char beside[] = "cannot write the provenance mark beside the output";

static bool is_ours(const char *path)
{
    enum { MOST = 65536 };
    char *text = NULL;
    int64_t size = 0;
    const bool ours = file_read(path, MOST, &text, &size, NULL) == STATUS_OK &&
                      strstr(text, "xmp:CreatorTool=\"runbatch ") != NULL;
    memory_free(text);
    return ours;
}

Status provenance_check_sidecar(const char *output, Error *err)
{
    char *path = text_format("%s.xmp", output);
    Status status = STATUS_OK;
    if (file_exists(path) && !is_ours(path)) {
        status =
            error_set(err, ERROR_ENVIRONMENT, beside, path, "there is a file of that name, not runbatch's");
        error_advise(err, "move it away, or leave --provenance-sidecar out");
    }
    memory_free(path);
    return status;
}

Status provenance_write_sidecar(const char *output, const char *folder, Error *err)
{
    if (provenance_check_sidecar(output, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    char *path = text_format("%s.xmp", output);
    char *part = path_join(folder, PROVENANCE_PART_NAME);
    (void)unlink(part); /* never through a link */
    const int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const ssize_t length = sizeof xmp_packet - 1;
    const bool good = fd >= 0 && write(fd, xmp_packet, (size_t)length) == length;
    const Status status =
        good ? file_publish(part, path, err) : error_set_errno(err, ERROR_DISK, beside, path, errno);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (status != STATUS_OK) {
        (void)unlink(part);
    }
    memory_free(part);
    memory_free(path);
    return status;
}

/* The tag's name in whatever case the container gives it. */
static const char *tag_of(const json_t *tags, const char *name)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)tags, key, value)
    {
        if (strcasecmp(key, name) == 0) {
            return json_string_value(value);
        }
    }
    return NULL;
}

json_t *provenance_read(const json_t *described)
{
    const json_t *tags = json_object_get(described, "tags");
    const char *box = json_string_value(json_object_get(described, "xmp"));
    const char *xmp = box != NULL ? box : tag_of(tags, "XMP");
    const char *comment = tag_of(tags, "comment");
    const char *mark = comment != NULL ? strstr(comment, COMMENT_BEGIN) : NULL;
    char version[32] = "";
    char processors[256] = "";
    const bool read =
        mark != NULL && sscanf(mark + strlen(COMMENT_BEGIN), "%31s (%255[^)])", version, processors) == 2;
    const bool in_comment = mark != NULL && strstr(mark, DIGITAL_SOURCE_TYPE) != NULL;
    return json_pack("{s:b, s:s?, s:s?, s:s?, s:b}", "marked", read, "version", read ? version : NULL,
                     "processors", read ? processors : NULL, "digital_source_type",
                     in_comment ? DIGITAL_SOURCE_TYPE : NULL, "xmp",
                     xmp != NULL && strstr(xmp, DIGITAL_SOURCE_TYPE) != NULL);
}
