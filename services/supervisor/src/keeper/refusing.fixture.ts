/** A child that cannot start with what it was told. */
process.exit(2);
