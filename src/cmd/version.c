#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

#include "base/text.h"
#include "cmd/available.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "infer/session.h"
#include "options/table.h"

static void append_library(Text *page, const char *name, unsigned version)
{
    text_appendf(page, "  %s %u.%u.%u\n", name, AV_VERSION_MAJOR(version), AV_VERSION_MINOR(version),
                 AV_VERSION_MICRO(version));
}

static void append_encoders(Text *page)
{
    const char *separator = "  encoders: ";
    for (const char *const *name = option_find("output-video-encoder")->choices; *name != NULL; name++) {
        if (available_here(OPTION_CHECK_ENCODER, *name)) {
            text_appendf(page, "%s%s", separator, *name);
            separator = ", ";
        }
    }
    text_append(page, "\n");
}

int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    Text page = {0};
    text_append(&page, "runbatch " RUNBATCH_VERSION "\n");
    text_appendf(&page, "FFmpeg %s\n", av_version_info());
    append_library(&page, "libavformat", avformat_version());
    append_library(&page, "libavcodec", avcodec_version());
    append_library(&page, "libavutil", avutil_version());
    append_library(&page, "libswscale", swscale_version());
    append_library(&page, "libswresample", swresample_version());
    append_encoders(&page);
    text_appendf(&page, "ONNX Runtime %s\n  providers: %s\n", session_runtime_version(),
                 session_provider_list());
    const int code = print_page(&page, EXIT_CODE_DONE);
    text_free(&page);
    return code;
}
