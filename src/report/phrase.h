/* What a batch tells and keeps, read later in the language of whoever looks.
 *
 * A phrase is its English text with marks around it and around what was put into it, so that the words that
 * translators know can be told from names and figures: U+2066 begins a phrase, U+2068 a name or a figure,
 * U+2069 ends either. Unicode has them to set such parts apart (isolates, UAX #9), and they are not seen:
 * where nobody takes them out, what is kept still reads as English. Text without a mark is nobody's phrase,
 * and stays as it is. Pure, but for the language; any thread. What is read may come from a file and be
 * anything.
 */
#ifndef RUNBATCH_REPORT_PHRASE_H
#define RUNBATCH_REPORT_PHRASE_H

#include <stddef.h>

enum { PHRASE_PARTS_MOST = 8, PHRASE_DEPTH_MOST = 4 };

/* `english` is a text for translators, N_("… %s …"), with no directive but %s, PHRASE_PARTS_MOST at most;
 * what is put into it is a phrase, or else a name or a figure, which is never translated. Returns `buffer`.
 */
const char *phrase_make(char *buffer, size_t size, const char *english, ...)
    __attribute__((format(printf, 3, 4)));

/* In the user's language. Returns `buffer`. */
const char *phrase_text(const char *phrase, char *buffer, size_t size);

/* In English, whatever the user's language. Returns `buffer`. */
const char *phrase_english(const char *phrase, char *buffer, size_t size);

#endif
