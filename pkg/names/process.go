package names

// LogLevelController sets the verbosity of the operator.
const LogLevelController = "LoggingSyncer"
