/* trickle MOST PAUSE [LIMIT]: copies standard input to standard output in pieces of 1 to MOST bytes, of
 * sizes that are the same in every run, and waits PAUSE microseconds after each: a slow reader or writer.
 * Ends after LIMIT bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char buffer[1 << 16];
	unsigned long most = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	useconds_t pause = argc > 2 ? (useconds_t)strtoul(argv[2], NULL, 10) : 0;
	uint64_t left = argc > 3 ? strtoull(argv[3], NULL, 10) : UINT64_MAX, draw = 88172645463325252u;
	if (most < 1 || most > sizeof buffer) {
		fprintf(stderr, "usage: trickle MOST PAUSE [LIMIT], MOST from 1 to %zu\n", sizeof buffer);
		return 2;
	}
	while (left) {
		draw ^= draw << 13, draw ^= draw >> 7, draw ^= draw << 17;
		size_t n = 1 + draw % most;
		ssize_t got = read(STDIN_FILENO, buffer, n < left ? n : (size_t)left), did = 0;
		if (got <= 0)
			return got != 0;
		for (left -= (uint64_t)got; got; got -= did)
			if ((did = write(STDOUT_FILENO, buffer, (size_t)got)) != got)
				return 1; /* a pipe takes pieces of its size whole */
		if (pause)
			usleep(pause);
	}
	return 0;
}
