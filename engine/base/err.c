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
	err->said[0] = '\0';
	return code;
}

int ce_err_say(struct ce_err *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return 0;
	va_start(args, format);
	vsnprintf(err->said, sizeof(err->said), format, args);
	va_end(args);
	return err->code;
}

const char *ce_err_words(const struct ce_err *err)
{
	return err->said[0] ? err->said : err->text;
}

const char *ce_err_name(int code)
{
	const char *name = strerrorname_np(-code);

	return name ? name : "EUNKNOWN";
}
