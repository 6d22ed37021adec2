/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdevd/params.h"

#define BLANKS " \t\n\v\f\r"

int params_append(char **text, const char *word)
{
	const char *equals = strchrnul(word, '=');
	const char *value = *equals ? equals + 1 : equals;
	const char *quote = strpbrk(value, BLANKS) ? "\"" : "";
	size_t key_len = (size_t)(equals - word);
	char *old = *text;
	int len;

	*text = NULL;
	if (!key_len || strcspn(word, BLANKS "\"") < key_len || (*quote && strchr(value, '"'))) {
		free(old);
		return -EINVAL;
	}
	len = asprintf(text, "%s%s%.*s%s%s%s%s", old ? old : "", old ? " " : "", (int)key_len, word,
		       *equals ? "=" : "", quote, value, quote);
	free(old);
	if (len < 0) {
		*text = NULL;
		return -ENOMEM;
	}
	return 0;
}

void params_unquote(char *word)
{
	char *value = strchr(word, '=');
	size_t len;

	if (!value++)
		return;
	len = strlen(value);
	if (len < 2 || value[0] != '"' || value[len - 1] != '"')
		return;
	memmove(value, value + 1, len - 2);
	value[len - 2] = '\0';
}
