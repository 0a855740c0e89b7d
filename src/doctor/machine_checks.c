/* How much memory there is, whose limit counts, who holds it. */
#include <stdio.h>
#include <string.h>

#include "batch/worker_limits.h"
#include "doctor/checks.h"
#include "memory/governor.h"
#include "memory/machine.h"
#include "memory/processes.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"

enum { SIZE_TEXT = 32, WHOLE_PERCENT = 100 };

json_t *figure_known(int64_t number)
{
    return number >= 0 ? json_integer(number) : json_null();
}

static bool is_short(const DoctorConfig *config, const MemoryReading *reading)
{
    return memory_used_percent(reading) >= config->settings->memory_high;
}

bool check_memory_is_short(const DoctorConfig *config)
{
    Machine machine;
    MemoryReading reading;
    machine_open(&machine, config->root);
    return machine_read(&machine, &reading, NULL) == STATUS_OK && is_short(config, &reading);
}

/* ---- limits ---- */

static void check_machine(const DoctorConfig *config, Checkup *found)
{
    MemInfo info;
    Error err = {0};
    char total[SIZE_TEXT];
    char available[SIZE_TEXT];
    char swap[SIZE_TEXT];
    char swap_free[SIZE_TEXT];
    if (meminfo_read(config->root, &info, &err) != STATUS_OK) {
        (void)checkup_add_failure(found, CHECK_MEMORY, "machine_memory", CHECK_ERROR, NULL, &err);
        return;
    }
    (void)format_bytes(info.total_bytes, total, sizeof total);
    (void)format_bytes(info.available_bytes, available, sizeof available);
    (void)format_bytes(info.swap_total_bytes, swap, sizeof swap);
    (void)format_bytes(info.swap_free_bytes, swap_free, sizeof swap_free);
    json_t *figures = json_pack("{s:I,s:I,s:I,s:I}", "total_bytes", info.total_bytes, "available_bytes",
                                info.available_bytes, "swap_total_bytes", info.swap_total_bytes,
                                "swap_free_bytes", info.swap_free_bytes);
    if (info.swap_total_bytes > 0) {
        (void)checkup_add(found, CHECK_MEMORY, "machine_memory", CHECK_OK, figures,
                          _("machine: %s of %s available; swap: %s of %s free"), available, total, swap_free,
                          swap);
    } else {
        (void)checkup_add(found, CHECK_MEMORY, "machine_memory", CHECK_OK, figures,
                          _("machine: %s of %s available; no swap"), available, total);
    }
}

static void add_level(const CgroupPlace *place, const CgroupLevel *level, Checkup *found)
{
    char name[MACHINE_GROUP_BYTES];
    char limit[SIZE_TEXT];
    char available[SIZE_TEXT];
    char anonymous[SIZE_TEXT];
    cgroup_name(place, level, name, sizeof name);
    (void)format_bytes(level->limit_bytes, limit, sizeof limit);
    (void)format_bytes(cgroup_available(level), available, sizeof available);
    (void)format_bytes(level->anonymous_bytes > 0 ? level->anonymous_bytes : 0, anonymous, sizeof anonymous);
    json_t *figures =
        json_pack("{s:o,s:i,s:I,s:o,s:o,s:I,s:o}", "group", json_text(name), "version", place->version,
                  "limit_bytes", level->limit_bytes, "used_bytes", figure_known(level->used_bytes),
                  "anonymous_bytes", figure_known(level->anonymous_bytes), "available_bytes",
                  cgroup_available(level), "oom_kills", figure_known(level->oom_kills));
    Check *check =
        checkup_add(found, CHECK_MEMORY, "memory_group", CHECK_OK, figures,
                    _("control group %s (version %d): %s of %s available, %s allocated by programs"), name,
                    place->version, available, limit, anonymous);
    if (level->oom_kills > 0) {
        check->level = CHECK_WARNING;
        check_advise(check,
                     _("the kernel has ended programs in it for want of memory, %lld so far: give it a "
                       "higher limit, or runbatch less to do at once (--jobs)"),
                     (long long)level->oom_kills);
    }
}

/* Those with a limit, from the inside out. */
static void check_levels(const DoctorConfig *config, Checkup *found)
{
    CgroupPlace place;
    CgroupLevel levels[CGROUP_LEVELS];
    size_t limited = 0;
    if (!cgroup_find(config->root, 0, &place)) {
        (void)checkup_add(found, CHECK_MEMORY, "memory_groups", CHECK_OK,
                          json_pack("{s:i,s:i}", "version", 0, "limited", 0), "%s",
                          _("no control group that limits memory is to be seen"));
        return;
    }
    const size_t count = cgroup_read(&place, levels);
    for (size_t i = 0; i < count; i++) {
        if (levels[i].limit_bytes >= 0) {
            add_level(&place, &levels[i], found);
            limited++;
        }
    }
    if (limited == 0) {
        (void)checkup_add(found, CHECK_MEMORY, "memory_groups", CHECK_OK,
                          json_pack("{s:i,s:i}", "version", place.version, "limited", 0),
                          _("control groups (version %d): none has a limit of memory"), place.version);
    }
}

static void check_what_counts(const DoctorConfig *config, const MemoryReading *reading, Checkup *found)
{
    char total[SIZE_TEXT];
    const double used = memory_used_percent(reading);
    const bool group = reading->group[0] != '\0';
    (void)format_bytes(reading->total_bytes, total, sizeof total);
    json_t *figures = json_pack("{s:o,s:I,s:I,s:o}", "group", group ? json_text(reading->group) : json_null(),
                                "total_bytes", reading->total_bytes, "available_bytes",
                                reading->available_bytes, "used_percent", json_rounded(used));
    Check *check =
        group ? checkup_add(found, CHECK_MEMORY, "memory_limit", CHECK_OK, figures,
                            _("what counts is control group %s: %.1f %% of %s used"), reading->group, used,
                            total)
              : checkup_add(found, CHECK_MEMORY, "memory_limit", CHECK_OK, figures,
                            _("what counts is the machine's memory: %.1f %% of %s used"), used, total);
    if (is_short(config, reading)) {
        check->level = CHECK_WARNING;
        check_advise(check,
                     _("from %.0f %% on (--memory-high) a batch waits before each video: end what holds "
                       "the memory"),
                     config->settings->memory_high);
    }
}

static void check_pressure(const MemoryReading *reading, Checkup *found)
{
    const bool group = reading->group[0] != '\0';
    const Pressure *pressure = group ? &reading->group_pressure : &reading->pressure;
    const GovernorSettings marks = governor_settings(0, 0, 0, 0, false);
    json_t *figures =
        json_pack("{s:b,s:o,s:o,s:o,s:o}", "known", pressure->known, "some_avg10",
                  pressure->known ? json_rounded(pressure->some.avg10) : json_null(), "some_avg60",
                  pressure->known ? json_rounded(pressure->some.avg60) : json_null(), "full_avg10",
                  pressure->known ? json_rounded(pressure->full.avg10) : json_null(), "full_avg60",
                  pressure->known ? json_rounded(pressure->full.avg60) : json_null());
    if (!pressure->known) {
        (void)checkup_add(found, CHECK_MEMORY, "memory_pressure", CHECK_OK, figures, "%s",
                          _("pressure (PSI): not told here; how much is used decides alone"));
        return;
    }
    Check *check =
        checkup_add(found, CHECK_MEMORY, "memory_pressure", CHECK_OK, figures,
                    _("pressure (PSI): in the last 10 s programs waited for memory %.1f %% of the "
                      "time, all at once %.1f %%; in the last minute %.1f %%, %.1f %%"),
                    pressure->some.avg10, pressure->full.avg10, pressure->some.avg60, pressure->full.avg60);
    if (pressure->some.avg10 >= marks.some_high || pressure->full.avg10 >= marks.full_critical) {
        check->level = CHECK_WARNING;
        check_advise(check, "%s", _("memory is short now: a batch would start no video"));
    }
}

/* By proof: a child goes over a limit and must be stopped. */
void check_limits(const DoctorConfig *config, Checkup *found)
{
    static const char *const names[] = {
        [LIMITER_NOTHING] = "nothing", [LIMITER_WATCH] = "watch", [LIMITER_GROUP] = "group"};
    char line[256];
    Limiter *limiter = limiter_new(&(LimiterConfig){.root = config->root});
    const LimiterFindings findings = *limiter_findings(limiter);
    limiter_free(&limiter);
    const bool held = limits_describe(&findings, line, sizeof line);
    json_t *figures = json_pack("{s:s,s:i,s:b,s:b}", "means", names[findings.means], "version",
                                findings.version, "data", findings.data, "watch", findings.watch);
    Check *check = checkup_add(found, CHECK_LIMITS, "memory_enforcement",
                               held && findings.watch ? CHECK_OK : CHECK_WARNING, figures, "%s", line);
    if (limits_advice(&findings)[0] != '\0') {
        check_advise(check, "%s", limits_advice(&findings));
    }
}

void check_memory(const DoctorConfig *config, Checkup *found)
{
    Machine machine;
    MemoryReading reading;
    check_machine(config, found);
    check_levels(config, found);
    machine_open(&machine, config->root);
    if (machine_read(&machine, &reading, NULL) == STATUS_OK) {
        check_what_counts(config, &reading, found);
        check_pressure(&reading, found);
    }
}

/* ---- holders ---- */

void check_processes(const DoctorConfig *config, Checkup *found)
{
    enum { HOLDERS = 5, SCAN_MS = 5000, BIG_PERCENT = 5 };
    ProcessTable table;
    ProcessHolder holders[HOLDERS];
    MemInfo info = {0};
    const bool crowded = check_memory_is_short(config);
    size_t big = 0;
    (void)meminfo_read(config->root, &info, NULL);
    processes_scan(&table, config->root, SCAN_MS, NULL);
    const size_t count = processes_find_holders(&table, 0, holders, HOLDERS);
    for (size_t i = 0; i < count; i++) {
        char size[SIZE_TEXT];
        const ProcessHolder *holder = &holders[i];
        if (holder->rss_bytes < info.total_bytes / WHOLE_PERCENT * BIG_PERCENT) {
            continue;
        }
        json_t *figures =
            json_pack("{s:i,s:o,s:o,s:I}", "process", (int)holder->pid, "program", json_text(holder->name),
                      "user", json_text(holder->user), "rss_bytes", holder->rss_bytes);
        Check *check = checkup_add(found, CHECK_PROCESSES, "memory_holder", CHECK_OK, figures,
                                   _("%s (process %d, user %s) holds %s"), holder->name, (int)holder->pid,
                                   holder->user, format_bytes(holder->rss_bytes, size, sizeof size));
        if (crowded) {
            check->level = CHECK_WARNING;
            check_advise(check, "%s", _("end it, or wait until it has ended, if you can do without it"));
        }
        big++;
    }
    if (big == 0) {
        (void)checkup_add(found, CHECK_PROCESSES, "memory_holders", CHECK_OK,
                          json_pack("{s:I}", "processes", (json_int_t)table.count),
                          _("none of %zu processes holds more than %d %% of the memory"), table.count,
                          BIG_PERCENT);
    }
    processes_free(&table);
}
