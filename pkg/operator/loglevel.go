package operator

import (
	"context"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// verbosity maps spec.operatorLogLevel to the verbosity of this process; false means that the level is unknown and
// counts as Normal.
func verbosity(level operatorv1.LogLevel) (int, bool) {
	switch level {
	case operatorv1.Normal, "":
		return 2, true
	case operatorv1.Debug:
		return 4, true
	case operatorv1.Trace:
		return 6, true
	case operatorv1.TraceAll:
		return 8, true
	}
	return 2, false
}

// logLevel sets the verbosity of this process.
//
// Reads: Config spec.operatorLogLevel. Writes: nothing in the cluster but events. Conditions: none.
// Triggers: Config.
type logLevel struct {
	config operatorclient.Client
	// set is the library's switch, replaced in tests: it is one for the whole process.
	set func(verbosity int) error
	// last is what was set; nil before the first time, which is not worth an event.
	last *operatorv1.LogLevel
}

// The library's log level controller wants an operator client with methods that rewrite the whole spec of Config
// (see pkg/operatorclient for what that can do to an administrator's edit), to read one field.
func newLogLevelController(config operatorclient.Client, informer cache.SharedIndexInformer, recorder events.Recorder) factory.Controller {
	l := &logLevel{config: config, set: setVerbosity}
	return factory.New().WithInformers(informer).WithSync(l.sync).ToController(names.LogLevelController, recorder)
}

func setVerbosity(v int) error {
	var level klog.Level
	return level.Set(strconv.Itoa(v))
}

func (l *logLevel) sync(_ context.Context, syncCtx factory.SyncContext) error {
	config, err := l.config.Config()
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	level := config.Spec.OperatorLogLevel
	if l.last != nil && *l.last == level {
		return nil
	}
	v, known := verbosity(level)
	if !known {
		syncCtx.Recorder().Warningf("OperatorLogLevelInvalid", "Unknown spec.operatorLogLevel %q, using %q", level, operatorv1.Normal)
	}
	if err := l.set(v); err != nil {
		syncCtx.Recorder().Warningf("OperatorLogLevelChangeFailed", "Setting the verbosity to %d: %v", v, err)
		return fmt.Errorf("setting the verbosity to %d: %w", v, err)
	}
	if l.last != nil {
		syncCtx.Recorder().Eventf("OperatorLogLevelChange", "Operator log level changed from %q to %q", *l.last, level)
	}
	l.last = &level
	return nil
}
