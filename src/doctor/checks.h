/* The groups of checks; each adds its own to `found`. Private to src/doctor. */
#ifndef RUNBATCH_DOCTOR_CHECKS_H
#define RUNBATCH_DOCTOR_CHECKS_H

#include <stdint.h>

#include "doctor/doctor.h"

void check_memory(const DoctorConfig *config, Checkup *found);
/* Not in a child: in version 2 a process that is not alone in its control group can make none below, and its
 * parent would be there too. */
void check_limits(const DoctorConfig *config, Checkup *found);
void check_processes(const DoctorConfig *config, Checkup *found);
void check_gpu(const DoctorConfig *config, Checkup *found);
void check_models(const DoctorConfig *config, Checkup *found);
void check_runtime(const DoctorConfig *config, Checkup *found);
void check_codecs(const DoctorConfig *config, Checkup *found);
/* Locks the process that calls it in, for good. */
void check_sandbox(const DoctorConfig *config, Checkup *found);
void check_space(const DoctorConfig *config, Checkup *found);
void check_folders(const DoctorConfig *config, Checkup *found);
/* Locks the process that calls it in, for good. */
void check_source(const DoctorConfig *config, Checkup *found);
void check_leftovers(const DoctorConfig *config, Checkup *found);
void check_system(const DoctorConfig *config, Checkup *found);

/* Whether a card of NVIDIA is there and its driver answers. */
bool check_has_card(const DoctorConfig *config);

/* null for a negative number. */
json_t *figure_known(int64_t number);

/* Whether so much memory is used that no video would be started. */
bool check_memory_is_short(const DoctorConfig *config);

#endif
