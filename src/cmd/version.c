#include "base/text.h"
#include "cmd/available.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "infer/session.h"
#include "media/codecs.h"
#include "options/table.h"

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
    text_appendf(&page, "FFmpeg %s\n", codecs_release());
    for (int i = 0; i < CODECS_LIBRARIES; i++) {
        const CodecsLibrary library = codecs_library(i);
        text_appendf(&page, "  %s %d.%d.%d\n", library.name, library.major, library.minor, library.micro);
    }
    append_encoders(&page);
    text_appendf(&page, "ONNX Runtime %s\n  providers: %s\n", session_runtime_version(),
                 session_provider_list());
    const int code = print_page(&page, EXIT_CODE_DONE);
    text_free(&page);
    return code;
}
