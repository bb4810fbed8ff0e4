/* Completion scripts for bash and zsh, made from the option table: which options there are, which words or
 * files may follow each. What an option takes is read from its `arg`: see read_values(). */
#include "cli/private.h"

#include <ctype.h>
#include <string.h>

/* What may stand where `arg` stands. */
struct values {
	struct hm_text words; /* separated by spaces */
	enum { NO_FILES, FILES, FOLDERS } files;
	bool after; /* the file comes behind = or :, as in COLUMN=FILE */
	bool open;  /* a word goes on: "fit:" */
};

static void add_word(struct values *v, const char *prefix, const char *word, size_t n)
{
	hm_text_add(&v->words, "%s%s%.*s", v->words.b.len ? " " : "", prefix, (int)n, word);
}

/* Whether s[0..n) names a file: "FILE", "MODEL", "SPEC", or capitals with a suffix ("RUNS.json"). */
static bool is_file(const char *s, size_t n)
{
	static const char *const name[] = {"FILE", "MODEL", "SPEC"};
	size_t capitals = 0;
	for (size_t k = 0; k < sizeof name / sizeof *name; k++)
		if (n >= strlen(name[k]) && !memcmp(s, name[k], strlen(name[k])))
			return true;
	while (capitals < n && isupper((unsigned char)s[capitals]))
		capitals++;
	return capitals && capitals + 1 < n && s[capitals] == '.' && islower((unsigned char)s[capitals + 1]);
}

bool hm_opt_names_file(const struct hm_opt *o)
{
	for (const char *at = o->arg; at && *at; at++)
		if ((at == o->arg || strchr("|=:", at[-1])) && is_file(at, strcspn(at, "|[")))
			return true;
	return false;
}

/* One alternative of `arg`: "FILE.png", "DIR", "COLUMN=FILE", "N"; small letters stand for themselves ("cpu",
 * "cuda[:N]", "fit:FILE"). */
static void add_alternative(struct values *v, const char *s, size_t n)
{
	size_t literal = 0;
	while (literal < n && !isupper((unsigned char)s[literal]) && s[literal] != '[')
		literal++;
	if (literal)
		add_word(v, "", s, literal);
	if (literal && literal < n && s[literal - 1] == ':')
		v->open = true;
	for (size_t at = 0; at < n; at++) {
		if (at && s[at - 1] != '=' && s[at - 1] != ':')
			continue;
		if (n - at >= 3 && !memcmp(s + at, "DIR", 3) && v->files == NO_FILES)
			v->files = FOLDERS;
		if (is_file(s + at, n - at)) {
			v->files = FILES;
			v->after = at > 0;
		}
	}
}

/* "image|text=zero|shuffle": each word before the = with each behind it. */
static void add_product(struct values *v, const char *left, const char *equals)
{
	for (size_t n; left < equals; left += n + 1) {
		n = strcspn(left, "|=");
		for (const char *right = equals; *right; right += 1 + strcspn(right + 1, "|"))
			hm_text_add(&v->words, "%s%.*s=%.*s", v->words.b.len ? " " : "", (int)n, left,
				    (int)strcspn(right + 1, "|"), right + 1);
	}
}

/* The alternatives are separated by |, but not within brackets. All words of a choice stand for themselves.
 */
static void read_values(struct values *v, const struct hm_tool *tool, const struct hm_opt *o)
{
	int depth = 0;
	const char *from = o->arg ? o->arg : "", *equals = strchr(from, '=');
	*v = (struct values){.words.tool = tool};
	if (equals && !from[strspn(from, "abcdefghijklmnopqrstuvwxyz|=")]) {
		add_product(v, from, equals);
		return;
	}
	for (const char *p = from; *from; p++) {
		depth += (*p == '[') - (*p == ']');
		if (*p && (*p != '|' || depth))
			continue;
		if (o->kind == HM_OPT_CHOICE)
			add_word(v, "", from, (size_t)(p - from));
		else
			add_alternative(v, from, (size_t)(p - from));
		from = *p ? p + 1 : p;
	}
	for (int i = 0; o->preset && o->preset(i); i++)
		add_word(v, "init:", o->preset(i), strlen(o->preset(i)));
}

/* The operands as if they were an option's value: "[FILE ...]" is files, "DIR" is folders. */
static void read_operand_values(struct values *v, const struct hm_tool *tool)
{
	struct hm_opt o = {.kind = HM_OPT_STR, .arg = tool->operands + (*tool->operands == '[')};
	read_values(v, tool, &o);
}

/* ---- bash */

/* Behind the lists of options and of those with a value. */
static const char bash_words[] =
	"	local word=() n=0 i piece glue='' only='' option='' cur prefix='' strip reply\n"
	"	local offer='' files='' after=''\n"
	"	# Readline cuts words at = and : as well: they are joined again.\n"
	"	for ((i = 1; i <= COMP_CWORD; i++)); do\n"
	"		piece=${COMP_WORDS[i]}\n"
	"		if ((n)) && [[ $glue || ( $piece && ! ${piece//[=:]} ) ]]; then\n"
	"			word[n - 1]+=$piece\n"
	"		else\n"
	"			word[n++]=$piece\n"
	"		fi\n"
	"		glue=''\n"
	"		[[ ! $piece || ${piece//[=:]} ]] || glue=1\n"
	"	done\n"
	"	((n)) || return 0\n"
	"	cur=${word[n - 1]}\n"
	"	[[ $glue ]] && strip=$cur || strip=${cur%\"$piece\"}\n"
	"	for ((i = 0; i < n - 1; i++)); do\n"
	"		if [[ $option ]]; then\n"
	"			option=''\n"
	"		elif [[ ${word[i]} == -- ]]; then\n"
	"			only=1\n"
	"		elif [[ ! $only && ${word[i]} == -?* && $valued == *\" ${word[i]} \"* ]]; then\n"
	"			option=${word[i]}\n"
	"		fi\n"
	"	done\n"
	"	if [[ ! $option && ! $only && $cur == --*=* ]]; then\n"
	"		option=${cur%%=*} prefix=${cur%%=*}= cur=${cur#*=}\n"
	"	elif [[ ! $option && ! $only && $cur == -* ]]; then\n"
	"		option=- offer=$options\n"
	"	fi\n";

/* Behind the cases. What is offered is what follows the part that readline holds apart ($strip). */
static const char bash_replies[] =
	"	cur=${cur#[\\'\\\"]} COMPREPLY=()\n"
	"	while IFS= read -r reply; do\n"
	"		reply=$prefix$reply\n"
	"		[[ $reply == \"$strip\" ]] || COMPREPLY+=(\"${reply#\"$strip\"}\")\n"
	"	done < <(compgen -W \"$offer\" -- \"$cur\")\n"
	"	if [[ ${COMPREPLY[*]} == *: ]]; then compopt -o nospace 2>/dev/null; fi\n"
	"	[[ $files && $cur != init:* && ( ! $after || $cur == *[=:]* ) ]] || return 0\n"
	"	if [[ $after ]]; then prefix+=${cur%\"${cur##*[=:]}\"} cur=${cur##*[=:]}; fi\n"
	"	while IFS= read -r reply; do\n"
	"		reply=$prefix$reply\n"
	"		COMPREPLY+=(\"${reply#\"$strip\"}\")\n"
	"		compopt -o filenames 2>/dev/null\n"
	"	done < <(compgen \"$files\" -- \"$cur\")\n"
	"	return 0\n"
	"}\n";

static void add_bash_case(struct hm_text *t, const struct hm_opt *o, const struct values *v)
{
	if (!v->words.b.len && !v->files)
		return;
	if (o && o->letter)
		hm_text_add(t, "	-%c | ", o->letter);
	else
		hm_text_add(t, "	");
	hm_text_add(t, "%s%s)", o ? "--" : "''", o ? o->name : "");
	if (v->words.b.len)
		hm_text_add(t, " offer='%s'", (char *)v->words.b.data);
	if (v->files)
		hm_text_add(t, " files=-%c", v->files == FILES ? 'f' : 'd');
	hm_text_add(t, "%s ;;\n", v->after ? " after=1" : "");
}

static void write_bash(const struct hm_cli *c, struct hm_text *t)
{
	const char *name = c->tool->name;
	char function[80];
	size_t n = 0;
	for (; name[n] && n + 1 < sizeof function; n++)
		function[n] = name[n] == '-' ? '_' : name[n];
	function[n] = 0;
	hm_text_add(t, "# bash completion of %s, printed by `%s --completion bash`.\n_%s()\n{\n", name, name,
		    function);
	for (int valued = 0; valued < 2; valued++) {
		hm_text_add(t, "	local %s='", valued ? "valued" : "options");
		for (int i = 0; i < c->priv->rows; i++) {
			const struct hm_opt *o = c->priv->row[i].opt;
			if (valued && !o->arg)
				continue;
			if (o->letter)
				hm_text_add(t, " -%c", o->letter);
			hm_text_add(t, " --%s", o->name);
		}
		hm_text_add(t, " '\n");
	}
	hm_text_add(t, "%s	case $option in\n", bash_words);
	struct values v;
	for (int i = 0; i < c->priv->rows; i++) {
		const struct hm_opt *o = c->priv->row[i].opt;
		read_values(&v, c->tool, o);
		add_bash_case(t, o, &v);
		hm_buf_clear(&v.words.b);
	}
	read_operand_values(&v, c->tool);
	add_bash_case(t, NULL, &v);
	hm_buf_clear(&v.words.b);
	hm_text_add(t, "	esac\n%scomplete -F _%s %s\n", bash_replies, function, name);
}

/* ---- zsh */

/* Within a specification of _arguments, in single quotes. */
static void add_escaped(struct hm_text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hm_text_add(t, "%s%c", s[i] == '\'' ? "'\\'" : strchr(":[]\\", s[i]) ? "\\" : "", s[i]);
}

/* ":ARG:ACTION'", where an action is (WORDS), a call, {code} or a space for nothing. */
static void add_zsh_action(struct hm_text *t, const char *arg, const struct values *v)
{
	const char *words = v->words.b.len ? (char *)v->words.b.data : "";
	const char *files = v->files == FOLDERS ? "_files -/" : v->files ? "_files" : "";
	bool list = *words && !v->files && !v->open, code = !list && (*words || v->after);
	hm_text_add(t, ":");
	add_escaped(t, arg, strlen(arg));
	hm_text_add(t, ":%s", list ? "(" : code ? "{" : "");
	if (*words && code)
		hm_text_add(t, "compadd %s-- ", v->open ? "-S \"\" " : "");
	add_escaped(t, words, strlen(words));
	if (*words && *files)
		hm_text_add(t, "; ");
	hm_text_add(t, "%s%s%s", v->after ? "compset -P \"*[=\\:]\" && " : "", files,
		    *words || *files ? "" : " ");
	hm_text_add(t, "%s'", list ? ")" : code ? "}" : "");
}

static void add_zsh_option(const struct hm_tool *tool, struct hm_text *t, const struct hm_opt *o, bool letter)
{
	struct values v;
	read_values(&v, tool, o);
	hm_text_add(t, " \\\n	'");
	if (o->kind == HM_OPT_LIST)
		hm_text_add(t, "*");
	else if (o->letter)
		hm_text_add(t, "(-%c --%s)", o->letter, o->name);
	if (letter)
		hm_text_add(t, "-%c%s[", o->letter, o->arg ? "+" : "");
	else
		hm_text_add(t, "--%s%s[", o->name, o->arg ? "=" : "");
	add_escaped(t, o->help, strlen(o->help));
	hm_text_add(t, "]");
	if (o->arg)
		add_zsh_action(t, o->arg, &v);
	else
		hm_text_add(t, "'");
	hm_buf_clear(&v.words.b);
}

static void write_zsh(const struct hm_cli *c, struct hm_text *t)
{
	const char *name = c->tool->name;
	hm_text_add(t, "#compdef %s\n# zsh completion of %s, printed by `%s --completion zsh`.\n", name, name,
		    name);
	hm_text_add(t, "_arguments -s -S");
	for (int i = 0; i < c->priv->rows; i++) {
		const struct hm_opt *o = c->priv->row[i].opt;
		if (o->letter)
			add_zsh_option(c->tool, t, o, true);
		add_zsh_option(c->tool, t, o, false);
	}
	if (*c->tool->operands) {
		struct values v;
		read_operand_values(&v, c->tool);
		hm_text_add(t, " \\\n	'%c", c->tool->max_operands == 1 ? '1' : '*');
		add_zsh_action(t, c->tool->operands, &v);
		hm_buf_clear(&v.words.b);
	}
	hm_text_add(t, "\n");
}

void hm_opt_completion(const struct hm_cli *c, int shell, struct hm_text *t)
{
	if (shell)
		write_zsh(c, t);
	else
		write_bash(c, t);
}
