/* nonblock COMMAND ...: runs it with pipes in non-blocking mode as its standard input, output and error, as
 * some parents leave them, and copies what goes through them slowly. Ends with the command's status. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 3000 };

/* False at the end of `from`, or when nobody reads `to` any more. */
static bool copy_piece(int from, int to)
{
	char p[PIECE];
	ssize_t n = read(from, p, sizeof p), did = 0;
	for (ssize_t done = 0; done < n && did >= 0; done += did)
		did = write(to, p + done, (size_t)(n - done));
	return n > 0 && did >= 0;
}

int main(int argc, char **argv)
{
	int in[2], out[2], err[2], status, open_ends = 3;
	if (argc < 2 || pipe2(in, O_NONBLOCK | O_CLOEXEC) || pipe2(out, O_NONBLOCK | O_CLOEXEC) ||
	    pipe2(err, O_NONBLOCK | O_CLOEXEC))
		return 125;
	pid_t child = fork();
	if (!child) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	signal(SIGPIPE, SIG_IGN);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	/* The child finds its input empty first, then its output full. */
	usleep(50000);
	struct pollfd p[] = {{0, POLLIN, 0}, {out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
	const int to[] = {in[1], 1, 2};
	while (open_ends && poll(p, 3, -1) > 0) {
		for (int i = 0; i < 3; i++) {
			struct pollfd room = {to[i], POLLOUT, 0};
			if (!p[i].revents || !poll(&room, 1, 0) || copy_piece(p[i].fd, to[i]))
				continue;
			p[i].fd = -1;
			open_ends--;
			if (!i)
				close(in[1]);
		}
		usleep(500);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
