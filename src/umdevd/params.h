/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From single parameters, as people type them, to the one text that module_load() takes.
 */
#ifndef UMDEVD_PARAMS_H
#define UMDEVD_PARAMS_H

/**
 * params_append - add "key=value" (or "key") to a text of parameters
 * @text: the text so far, NULL at first; freed and replaced, NULL after an error
 * @word: the value may have blanks, and then is put in quotes
 *
 * Return: 0, -EINVAL (a value with both blanks and double quotes, or a key with either), -ENOMEM.
 */
int params_append(char **text, const char *word);

/** params_unquote - take the double quotes around the value of "key=\"value\"" away, in place. */
void params_unquote(char *word);

#endif
