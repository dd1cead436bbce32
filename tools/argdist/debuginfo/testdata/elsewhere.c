struct elsewhere {
	long found;
};

struct elsewhere elsewhere;
