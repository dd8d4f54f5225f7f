#include "cli.h"

int main(int argc, char** argv) { return cutaway::cli::run(argc, argv); }
