/* What earlier runs left: a lock, files, processes. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch/leftovers.h"
#include "batch/lock.h"
#include "batch/plan.h"
#include "batch/snapshot.h"
#include "doctor/checks.h"
#include "memory/group.h"
#include "memory/processes.h"
#include "memory/sensor_file.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"
#include "worker/worker.h"

enum { SIZE_TEXT = 32 };

/* ---- the run ---- */

static void judge_run(const Snapshot *snapshot, Check *check)
{
    const long holder = snapshot->holder;
    if (snapshot->run_state == RUN_KILLED) {
        check->level = CHECK_WARNING;
        check_advise(check, "%s", _("runbatch resume goes on behind the last whole chunks"));
    } else if (holder > 0 && kill((pid_t)holder, 0) != 0 && errno == ESRCH) {
        check->level = CHECK_WARNING;
        check_advise(check,
                     _("process %ld, which holds the folder, is not on this machine, or ended and left "
                       "the lock to another one: look for processes of runbatch, here and there"),
                     holder);
    }
}

static void check_run(const Settings *settings, Checkup *found)
{
    Snapshot snapshot;
    Error err = {0};
    if (snapshot_take(settings->output_dir, false, &snapshot, &err) != STATUS_OK) {
        (void)checkup_add_failure(found, CHECK_LEFTOVERS, "run", CHECK_ERROR,
                                  json_pack("{s:n,s:n}", "state", "holder"), &err);
        return;
    }
    json_t *figures = json_pack("{s:s,s:o}", "state", run_state_name(snapshot.run_state), "holder",
                                snapshot.holder > 0 ? json_integer(snapshot.holder) : json_null());
    const char *folder = settings->output_dir;
    Check *check = NULL;
    if (snapshot.run_state == RUN_NONE) {
        check = checkup_add(found, CHECK_LEFTOVERS, "run", CHECK_OK, figures,
                            _("no batch was run into %s yet"), folder);
    } else if (snapshot.run_state == RUN_OVER) {
        check = checkup_add(found, CHECK_LEFTOVERS, "run", CHECK_OK, figures,
                            _("the last run into %s is over, and nobody holds the folder"), folder);
    } else if (snapshot.run_state == RUN_KILLED) {
        check = checkup_add(found, CHECK_LEFTOVERS, "run", CHECK_OK, figures,
                            _("the last run into %s was killed; nobody holds the folder"), folder);
    } else {
        check = checkup_add(found, CHECK_LEFTOVERS, "run", CHECK_OK, figures,
                            _("a batch works in %s (process %ld)"), folder, snapshot.holder);
    }
    judge_run(&snapshot, check);
    snapshot_free(&snapshot);
}

/* ---- files ---- */

static void check_files(const Settings *settings, Checkup *found)
{
    long holder = 0;
    char size[SIZE_TEXT];
    CleanList list = {0};
    Error err = {0};
    char *state_dir = path_join(settings->output_dir, PLAN_STATE_FOLDER);
    const bool held = lock_is_held(state_dir, &holder);
    const Status status = file_is_folder(state_dir)
                              ? leftovers_find(settings->output_dir, state_dir, held, &list, &err)
                              : STATUS_OK;
    json_t *figures =
        json_pack("{s:I,s:I}", "items", (json_int_t)list.count, "bytes", (json_int_t)list.bytes);
    if (status != STATUS_OK) {
        (void)checkup_add_failure(found, CHECK_LEFTOVERS, "left_files", CHECK_WARNING, figures, &err);
    } else if (list.count == 0) {
        (void)checkup_add(found, CHECK_LEFTOVERS, "left_files", CHECK_OK, figures, "%s",
                          _("no files that nobody needs any more"));
    } else {
        Check *check =
            checkup_add(found, CHECK_LEFTOVERS, "left_files", CHECK_WARNING, figures,
                        dngettext(I18N_DOMAIN, "%zu thing that nobody needs any more takes %s",
                                  "%zu things that nobody needs any more take %s", (unsigned long)list.count),
                        list.count, format_bytes(list.bytes, size, sizeof size));
        check_advise(check, "%s", _("runbatch clean removes them; --dry-run shows them"));
    }
    clean_list_free(&list);
    memory_free(state_dir);
}

/* ---- processes ---- */

static void add_orphan(const ProcessOrphan *orphan, Checkup *found)
{
    char size[SIZE_TEXT];
    char age[SIZE_TEXT];
    const ProcessHolder *holder = &orphan->holder;
    json_t *figures = json_pack("{s:i,s:o,s:o,s:I,s:o}", "process", (int)holder->pid, "program",
                                json_text(holder->name), "user", json_text(holder->user), "rss_bytes",
                                holder->rss_bytes, "age_s", figure_known(orphan->age_s));
    clock_format_duration((double)orphan->age_s, age, sizeof age);
    Check *check = checkup_add(found, CHECK_LEFTOVERS, "left_process", CHECK_WARNING, figures,
                               _("%s (process %d, user %s) of an earlier run still lives: %s old, holds %s"),
                               holder->name, (int)holder->pid, holder->user, age,
                               format_bytes(holder->rss_bytes, size, sizeof size));
    check_advise(check,
                 _("end it: kill -9 %d; one that does not end hangs in a disk or driver, until that goes "
                   "on or the machine is started anew"),
                 (int)holder->pid);
}

static void check_orphans(const DoctorConfig *config, Checkup *found)
{
    enum { SCAN_MS = 5000, MOST = 64 };
    static const char *const names[] = {WORKER_PROCESS_NAME, WORKER_PROBE_NAME, NULL};
    ProcessTable table;
    ProcessOrphan orphans[MOST];
    char program[SENSOR_PATH_BYTES];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    processes_scan(&table, config->root, SCAN_MS, NULL);
    const size_t count = processes_find_orphans(&table, names, program, orphans, MOST);
    for (size_t i = 0; i < count; i++) {
        add_orphan(&orphans[i], found);
    }
    if (count == 0) {
        (void)checkup_add(found, CHECK_LEFTOVERS, "left_processes", CHECK_OK,
                          json_pack("{s:I}", "looked_at", (json_int_t)table.count),
                          _("no process of an earlier run among %zu"), table.count);
    }
    processes_free(&table);
}

/* ---- control groups ---- */

static void check_groups(const DoctorConfig *config, Checkup *found)
{
    enum { MOST = 256 };
    char *folders[MOST];
    const size_t count = group_find_left(config->root, folders, MOST);
    for (size_t i = 0; i < count; i++) {
        Check *check = checkup_add(found, CHECK_LEFTOVERS, "left_group", CHECK_WARNING,
                                   json_pack("{s:o}", "folder", json_text(folders[i])),
                                   _("a control group of a run that was killed: %s"), folders[i]);
        check_advise(check, _("it is empty and does no harm; to remove it: rmdir %s"), folders[i]);
        memory_free(folders[i]);
    }
    if (count == 0) {
        (void)checkup_add(found, CHECK_LEFTOVERS, "left_groups", CHECK_OK, NULL, "%s",
                          _("no control group of an earlier run"));
    }
}

void check_leftovers(const DoctorConfig *config, Checkup *found)
{
    check_run(config->settings, found);
    check_files(config->settings, found);
    check_orphans(config, found);
    check_groups(config, found);
}
