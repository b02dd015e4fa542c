/* SPDX-License-Identifier: BSD-3-Clause */
/* version.c - see <capengine/capengine.h>; the number is CMakeLists.txt's. */
#include "capengine/capengine.h"

const char *ce_version(void)
{
	return CE_VERSION;
}
