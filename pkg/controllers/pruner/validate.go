package pruner

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/lenient"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// cures say what to write into a field.
var cures = map[string]string{
	"schedule":                   `write five fields such as "0 0 * * *", or a word such as "@daily", or nothing for "0 0 * * *"`,
	"keepTagRevisions":           "write 0 or more, or nothing for 3",
	"keepYoungerThanDuration":    `write hours, minutes and seconds such as "24h" or "1h30m", or nothing for "60m"`,
	"keepYoungerThan":            "write nanoseconds, or better use spec.keepYoungerThanDuration",
	"successfulJobsHistoryLimit": "write 0 or more, or nothing for 3",
	"failedJobsHistoryLimit":     "write 0 or more, or nothing for 3",
	"resources":                  `write quantities such as "100m" and "256Mi"`,
}

// complaints collects what is wrong, field by field.
type complaints []error

func (c *complaints) add(field, format string, args ...any) {
	text := fmt.Sprintf("spec.%s: ", field) + fmt.Sprintf(format, args...)
	top, _, _ := strings.Cut(field, ".")
	if cure := cures[top]; cure != "" {
		text += "; " + cure
	}
	*c = append(*c, errors.New(text))
}

// negative complains about a number below zero.
func negative[N ~int | ~int32 | ~int64](c *complaints, field string, value *N) {
	if value != nil && *value < 0 {
		c.add(field, "%v is negative", *value)
	}
}

// Validate finds what no CronJob can be made of, or live, which may be nil, not be changed to. Its error names every field
// at fault and is permanent.
func Validate(pruner *imageregistryv1.ImagePruner, live *batchv1.CronJob) error {
	spec := &pruner.Spec
	var found complaints
	unknown := lenient.Problems(pruner)
	for _, field := range slices.Sorted(maps.Keys(unknown)) {
		found.add(field, "%s", unknown[field])
	}
	if spec.Schedule != "" {
		if _, err := parseSchedule(spec.Schedule, live != nil && zoned(live.Spec.Schedule)); err != nil {
			found.add("schedule", "%q is not a schedule: %v", spec.Schedule, err)
		}
	}
	negative(&found, "keepTagRevisions", spec.KeepTagRevisions)
	if spec.KeepYoungerThanDuration != nil {
		negative(&found, "keepYoungerThanDuration", &spec.KeepYoungerThanDuration.Duration)
	}
	if spec.KeepYoungerThan != nil {
		negative(&found, "keepYoungerThan", ptr.To(spec.KeepYoungerThan.Nanoseconds()))
	}
	negative(&found, "successfulJobsHistoryLimit", spec.SuccessfulJobsHistoryLimit)
	negative(&found, "failedJobsHistoryLimit", spec.FailedJobsHistoryLimit)
	if len(found) == 0 {
		return nil
	}
	return conditions.Permanent(names.ReasonVerificationFailed, joined(found))
}

// joined puts all texts on one line: in a condition, a line break begins the text of another condition.
func joined(problems []error) error {
	texts := make([]string, 0, len(problems))
	for _, problem := range problems {
		texts = append(texts, problem.Error())
	}
	return errors.New(strings.Join(texts, "; "))
}

// origins maps fields of the CronJob to those of ImagePruner that they come from.
var origins = strings.NewReplacer(
	"spec.jobTemplate.spec.template.spec.containers[0].resources", "spec.resources",
	"spec.jobTemplate.spec.template.spec.affinity", "spec.affinity",
	"spec.jobTemplate.spec.template.spec.nodeSelector", "spec.nodeSelector",
	"spec.jobTemplate.spec.template.spec.tolerations", "spec.tolerations",
)

// classify makes a refusal by the API server permanent and names the fields as the administrator knows them: the same
// CronJob would be refused again.
func classify(err error) error {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return err
	}
	var problems []error
	for _, cause := range status.Status().Details.Causes {
		problems = append(problems, fmt.Errorf("%s: %s", origins.Replace(cause.Field), origins.Replace(cause.Message)))
	}
	return conditions.Permanent(names.ReasonVerificationFailed,
		fmt.Errorf("the API server refuses cronjob %s/%s with what imagepruner %s asks for: %w", names.OperatorNamespace, names.Pruner, names.Cluster, joined(problems)))
}
