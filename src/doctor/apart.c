#include "doctor/apart.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/apart.h"
#include "report/i18n.h"

typedef struct Work {
    void (*work)(const void *context, Checkup *found);
    const void *context;
} Work;

static void find(const void *context, Text *answer)
{
    const Work *work = context;
    Checkup found = {0};
    work->work(work->context, &found);
    json_t *list = json_array();
    for (size_t i = 0; i < found.count; i++) {
        (void)json_array_append_new(list, check_to_json(&found.items[i]));
    }
    char *text = memory_check(json_dumps(list, JSON_COMPACT));
    text_append(answer, text);
}

static ApartEnding take_answer(const Text *answer, Checkup *checkup)
{
    json_t *list = json_loadb(answer->data != NULL ? answer->data : "", answer->length, 0, NULL);
    bool good = json_is_array(list);
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        good = checkup_add_json(checkup, json_array_get(list, i));
    }
    json_decref(list);
    return good ? APART_GOOD : APART_NONSENSE;
}

static void tell_ending(ApartEnding ending, int status, CheckGroup group, int limit_ms, Checkup *checkup)
{
    enum { MS = 1000 };
    json_t *figures = json_object();
    (void)json_object_set_new(figures, "signal",
                              ending == APART_DIED && WIFSIGNALED(status) ? json_integer(WTERMSIG(status))
                                                                          : json_null());
    if (ending == APART_LATE) {
        Check *check = checkup_add(checkup, group, "unfinished", CHECK_ERROR, figures,
                                   _("not found out in %d s"), limit_ms / MS);
        check_advise(check, "%s", _("a disk, a share of a network or a driver may hang"));
    } else if (ending == APART_DIED && WIFSIGNALED(status)) {
        (void)checkup_add(checkup, group, "unfinished", CHECK_ERROR, figures,
                          _("the process that was to find out crashed: %s"), strsignal(WTERMSIG(status)));
    } else {
        (void)checkup_add(checkup, group, "unfinished", CHECK_ERROR, figures, "%s",
                          _("the process that was to find out ended without an answer"));
    }
}

void apart_do(void (*work)(const void *context, Checkup *found), const void *context, CheckGroup group,
              int limit_ms, Checkup *checkup)
{
    int status = 0;
    Text answer = {0};
    ApartEnding ending = apart_ask(find, &(Work){work, context}, limit_ms, &answer, &status);
    if (ending == APART_NO_CHILD) {
        (void)checkup_add(checkup, group, "unfinished", CHECK_ERROR, NULL, "%s: %s",
                          _("cannot start a process to find out"), strerror(errno));
    } else {
        ending = ending == APART_GOOD ? take_answer(&answer, checkup) : ending;
    }
    if (ending != APART_GOOD && ending != APART_NO_CHILD) {
        tell_ending(ending, status, group, limit_ms, checkup);
    }
    text_free(&answer);
}
