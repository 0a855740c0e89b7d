#include "worker/provenance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

#define DIGITAL_SOURCE_TYPE                                                                                  \
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

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

void provenance_make(Provenance *provenance, const TextList *processors)
{
    Text comment = {0};
    text_append(&comment, "Faces changed by runbatch " RUNBATCH_VERSION " (");
    for (size_t i = 0; i < processors->count; i++) {
        text_appendf(&comment, "%s%s", i > 0 ? ", " : "", processors->items[i]);
    }
    text_append(&comment, "). Digital source type: " DIGITAL_SOURCE_TYPE);
    *provenance = (Provenance){
        .comment = comment.data,
        .pairs = {{"comment", comment.data}, {"DIGITAL_SOURCE_TYPE", DIGITAL_SOURCE_TYPE}, {NULL, NULL}},
    };
}

void provenance_free(Provenance *provenance)
{
    memory_free(provenance->comment);
    *provenance = (Provenance){0};
}

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
