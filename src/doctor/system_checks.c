/* What the shell gave this process: limits, clock, language. */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "doctor/checks.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"

/* ---- limits ---- */

static json_t *figure_limit(rlim_t value)
{
    return value == RLIM_INFINITY || value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

/* `least`: less is too little for a batch; 0: any limit is worth a warning. */
typedef struct LimitRule {
    const char *name;
    __rlimit_resource_t resource;
    rlim_t least;
    bool bytes;
    const char *text;
    const char *advice;
} LimitRule;

/* A worker has some 20 files open and the supervisor six a worker; a worker has up to some 60 threads. */
static const LimitRule limit_rules[] = {
    {"open_files", RLIMIT_NOFILE, 256, false, N_("open files (ulimit -n)"), N_("raise it: ulimit -n 1024")},
    {"threads", RLIMIT_NPROC, 512, false, N_("processes and threads of this user (ulimit -u)"),
     N_("raise it: ulimit -u 4096")},
    {"file_size", RLIMIT_FSIZE, 0, true, N_("size of a file (ulimit -f)"),
     N_("larger outputs will fail: ulimit -f unlimited")},
    {"address_space", RLIMIT_AS, 0, true, N_("address space (ulimit -v)"),
     N_("workers map more than they use: ulimit -v unlimited, and --max-memory instead")},
    {"data_size", RLIMIT_DATA, 0, true, N_("allocated memory (ulimit -d)"),
     N_("ulimit -d unlimited, and --max-memory instead")},
};

static void check_limit(const LimitRule *rule, Checkup *found)
{
    struct rlimit limit;
    char value[32];
    if (getrlimit(rule->resource, &limit) != 0) {
        return;
    }
    const bool unlimited = limit.rlim_cur == RLIM_INFINITY;
    if (unlimited) {
        (void)snprintf(value, sizeof value, "%s", _("unlimited"));
    } else if (rule->bytes) {
        (void)format_bytes((int64_t)limit.rlim_cur, value, sizeof value);
    } else {
        (void)snprintf(value, sizeof value, "%llu", (unsigned long long)limit.rlim_cur);
    }
    json_t *figures = json_pack("{s:s,s:o,s:o}", "limit", rule->name, "soft", figure_limit(limit.rlim_cur),
                                "hard", figure_limit(limit.rlim_max));
    Check *check =
        checkup_add(found, CHECK_SYSTEM, "limit", CHECK_OK, figures, "%s: %s", _(rule->text), value);
    if (!unlimited && (rule->least == 0 || limit.rlim_cur < rule->least)) {
        check->level = CHECK_WARNING;
        check_advise(check, "%s", _(rule->advice));
    }
}

static void check_core(Checkup *found)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        (void)checkup_add(found, CHECK_SYSTEM, "core_dumps", CHECK_OK,
                          json_pack("{s:o}", "soft", figure_limit(limit.rlim_cur)), "%s",
                          limit.rlim_cur == 0 ? _("core dumps (ulimit -c): none")
                                              : _("core dumps (ulimit -c): of the supervisor; workers, which "
                                                  "have seen the videos, leave none"));
    }
}

/* ---- clock and language ---- */

/* A clock that was never set tells a time before this program was built. */
static void check_clock(Checkup *found)
{
    enum { DAY_S = 24 * 60 * 60 };
    char now[32];
    struct stat program;
    const double wall_s = clock_wall_s();
    const bool early = stat("/proc/self/exe", &program) == 0 && wall_s < (double)program.st_mtime - DAY_S;
    clock_format_utc(wall_s, now, sizeof now);
    Check *check =
        checkup_add(found, CHECK_SYSTEM, "clock", early ? CHECK_WARNING : CHECK_OK,
                    json_pack("{s:s,s:b}", "time", now, "early", early),
                    early ? _("clock: %s, which is before runbatch was built") : _("clock: %s"), now);
    if (early) {
        check_advise(check, "%s", _("set it: what has changed is known by its time"));
    }
}

static const char *wanted_charset(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0') {
            return value;
        }
    }
    return "C";
}

static void check_language(Checkup *found)
{
    const char *charset = nl_langinfo(CODESET);
    const bool utf8 = strcmp(charset, "UTF-8") == 0;
    const char *locale = setlocale(LC_CTYPE, NULL);
    Check *check =
        checkup_add(found, CHECK_SYSTEM, "language", utf8 ? CHECK_OK : CHECK_WARNING,
                    json_pack("{s:s,s:o,s:s}", "charset", charset, "wanted", json_text(wanted_charset()),
                              "locale", locale != NULL ? locale : "C"),
                    _("characters: %s (wanted: %s)"), charset, wanted_charset());
    if (!utf8) {
        check_advise(check, "%s", _("names with other letters are shown as ?: export LC_ALL=C.UTF-8"));
    }
}

void check_system(const DoctorConfig *config, Checkup *found)
{
    (void)config;
    for (size_t i = 0; i < sizeof limit_rules / sizeof limit_rules[0]; i++) {
        check_limit(&limit_rules[i], found);
    }
    check_core(found);
    check_clock(found);
    check_language(found);
}
