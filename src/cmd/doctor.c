#include "doctor/doctor.h"

#include "base/clock.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "ui/doctor_page.h"
#include "ui/snapshot_json.h"

int cmd_doctor(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (!command_begin("doctor", argc, argv, &settings, &code)) {
        return code;
    }
    Checkup checkup = {0};
    Text page = {0};
    const PageFrame frame = terminal_frame();
    doctor_examine(&(DoctorConfig){.settings = &settings, .root = "/"}, &checkup);
    if (settings.json) {
        json_t *object = doctor_to_json(&checkup, clock_wall_s());
        json_append_line(&page, object);
        json_decref(object);
    } else {
        doctor_page(&checkup, &frame, settings.quiet, &page);
    }
    code =
        print_page(&page, checkup_count(&checkup, CHECK_ERROR) > 0 ? EXIT_CODE_SOME_FAILED : EXIT_CODE_DONE);
    text_free(&page);
    checkup_free(&checkup);
    settings_free(&settings);
    return code;
}
