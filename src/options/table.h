/* The one table of options: what each is called, what it takes, and where in Settings it is kept.
 *
 * The parser, --help, the man page, JSON, the config file and presets (and later completion) are loops over
 * this table; an option is added by adding a row and a field of Settings. The key in JSON and in the config
 * file is the option's name without its dashes in front. Read-only data; any thread.
 */
#ifndef RUNBATCH_OPTIONS_TABLE_H
#define RUNBATCH_OPTIONS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum OptionType {
    OPTION_NONE = 0,
    OPTION_BOOL,    /* bool: --x and --no-x */
    OPTION_INTEGER, /* int64_t */
    OPTION_REAL,    /* double */
    OPTION_SIZE,    /* int64_t, bytes: "512MiB", "1.5GB" */
    OPTION_SHARE,   /* Share: "1GB" or "2%" of a whole */
    OPTION_RATE,    /* FrameRate: "25", "29.97", "30000/1001"; 0: as the input */
    OPTION_TEXT,    /* char * */
    OPTION_FILE,    /* char *, a path */
    OPTION_FOLDER,  /* char *, a path */
    OPTION_CHOICE,  /* char *, one of `choices` */
    OPTION_FIRST,   /* char *, one of `choices`; several may be given, the first that is available holds */
    OPTION_LIST,    /* TextList of `choices`, in the order given */
    OPTION_FILES,   /* TextList of paths, or other words, in the order given; may be given again for more */
    OPTION_POSITIONAL, /* TextList: what is not an option */
    OPTION_HELP,
    OPTION_VERSION,
} OptionType;

typedef enum OptionGroup {
    OPTION_GROUP_INPUT = 0,
    OPTION_GROUP_FACES,
    OPTION_GROUP_OUTPUT,
    OPTION_GROUP_SAFETY,
    OPTION_GROUP_MACHINE,
    OPTION_GROUP_TALK,
    OPTION_GROUP_COUNT,
} OptionGroup;

/* What must be asked of the machine before a value holds. */
typedef enum OptionCheck {
    OPTION_CHECK_NONE = 0,
    OPTION_CHECK_ENCODER,
    OPTION_CHECK_PROVIDER,
} OptionCheck;

typedef struct Option {
    const char *name; /* without dashes */
    char short_name;  /* 0: none */
    OptionType type;
    OptionGroup group;
    OptionCheck check;
    size_t offset;     /* of the field in Settings */
    const char *value; /* what --help calls its value: "FILE"; NULL for bool */
    double minimum;    /* of INTEGER, REAL, SIZE, RATE; both ends included */
    double maximum;
    int64_t plain_bytes;  /* of SIZE, SHARE: what a number without a unit counts; 0: bytes */
    const char *zero;     /* of INTEGER: the word for 0, which may be out of range otherwise; may be NULL */
    const char *unit;     /* for --help: "bytes"; may be NULL */
    const char *fallback; /* the default, as the user would write it; NULL: unset, empty or 0 */
    const char *fallback_help;  /* how --help words the default; NULL: `fallback` itself */
    const char *const *choices; /* closed by NULL */
    bool single;                /* of FILES: one value each time it is given */
    bool paths;                 /* besides `choices` of a list, paths of files (with a '/') */
    bool picture;               /* another value makes another output: what was made with it is made anew */
    const char *commands;       /* which take it: "status report"; NULL: those that run a batch, and doctor */
    const char *help;
} Option;

enum { OPTION_MOST = 96 }; /* rows, at most */

extern const Option option_table[];
extern const size_t option_count;

/* "Faces": a heading of --help. */
const char *option_group_title(OptionGroup group);

/* NULL when there is none of exactly that name. */
const Option *option_find(const char *name);
const Option *option_find_short(char short_name);
/* The row that takes the words that are no options; NULL when the command takes none. */
const Option *option_positional(const char *command);

/* Whether the command takes the option. */
bool option_is_of(const Option *option, const char *command);

bool option_takes_value(const Option *option);
/* Whether several values may follow the option. */
bool option_takes_several(const Option *option);

#endif
