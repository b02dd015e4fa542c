/* SPDX-License-Identifier: BSD-3-Clause */
/* err.c - see <capengine/err.h>. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "capengine/err.h"

int ce_err_set(struct ce_err *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

const char *ce_err_name(int code)
{
	const char *name = strerrorname_np(-code);

	return name ? name : "EUNKNOWN";
}
