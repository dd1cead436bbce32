// A program whose debug information has types of all sorts. It needs no library.
// Built as the comment in debuginfo_test.go says.
typedef unsigned long size_t;
typedef _Bool flag_t;

enum color { RED, GREEN = 7, BLUE };
enum wide { LOW = -5, HIGH = 5 };

struct inner {
	int first;
	union {
		char letter;
		struct {
			short left, right;
		};
	};
};

struct node {
	struct node *next;
	const char *name;
	char tag[16];
	unsigned int low : 3, high : 5;
	signed long far : 33;
	struct inner in;
	enum color color;
	double weight;
	int grid[2][3];
	int (*call)(struct node *self, size_t n);
	struct elsewhere *hidden;
	flag_t set;
	unsigned char rest[];
};

static struct node nodes;

int visit(struct node *start, const char *name, size_t n, enum wide w, flag_t set, ...) __attribute__((noinline));
int visit(struct node *start, const char *name, size_t n, enum wide w, flag_t set, ...)
{
	return start->in.first + (name ? name[0] : 0) + (int)n + (int)w + set;
}

int other_name(struct node *start, const char *name, size_t n, enum wide w, flag_t set, ...) __attribute__((alias("visit")));

__attribute__((noinline)) static void *helper(volatile unsigned short port)
{
	nodes.tag[port & 15] = 1;
	return &nodes;
}

void _start(void)
{
	visit(helper(7), "x", 1, LOW, 1);
	for (;;)
		;
}
