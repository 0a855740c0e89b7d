/* The user's language: gettext behind two names.
 *
 * i18n_setup is called once by main before any thread. Without it, and without a catalogue for the locale,
 * texts stay English. Only LC_CTYPE and LC_MESSAGES are set: numbers keep their point, so that JSON and
 * option values never depend on the locale.
 */
#ifndef RUNBATCH_REPORT_I18N_H
#define RUNBATCH_REPORT_I18N_H

#include <libintl.h>

#define I18N_DOMAIN "runbatch"
#define _(text) dgettext(I18N_DOMAIN, text)
#define N_(text) text

/* Catalogues are looked for in $RUNBATCH_LOCALE_DIR, beside the program (po/, ../po/, ../share/locale) and in
 * the folder of the installation. A locale that this machine does not have (a bare container) still gives its
 * language. */
void i18n_setup(void);

#endif
