package conditions

import (
	"testing"

	operatorv1 "github.com/openshift/api/operator/v1"
)

func TestNews(t *testing.T) {
	say := func(status operatorv1.ConditionStatus, reason, message string) operatorv1.OperatorCondition {
		return operatorv1.OperatorCondition{Type: "SomeDegraded", Status: status, Reason: reason, Message: message}
	}
	const yes, no, unknown = operatorv1.ConditionTrue, operatorv1.ConditionFalse, operatorv1.ConditionUnknown
	for name, test := range map[string]struct {
		stored      []operatorv1.OperatorCondition
		now         operatorv1.OperatorCondition
		wrong, over bool
	}{
		"it is bad from the start":        {now: say(yes, "A", ""), wrong: true},
		"it is fine from the start":       {now: say(no, "A", "")},
		"it comes to be bad":              {stored: []operatorv1.OperatorCondition{say(no, "A", "")}, now: say(yes, "A", ""), wrong: true},
		"nobody knew, and it is bad":      {stored: []operatorv1.OperatorCondition{say(unknown, "A", "")}, now: say(yes, "A", ""), wrong: true},
		"it is still bad":                 {stored: []operatorv1.OperatorCondition{say(yes, "A", "")}, now: say(yes, "A", "")},
		"the same in other words":         {stored: []operatorv1.OperatorCondition{say(yes, "A", "one")}, now: say(yes, "A", "two")},
		"it is bad for another reason":    {stored: []operatorv1.OperatorCondition{say(yes, "A", "")}, now: say(yes, "B", ""), wrong: true},
		"it is over":                      {stored: []operatorv1.OperatorCondition{say(yes, "A", "")}, now: say(no, "A", ""), over: true},
		"it is still fine":                {stored: []operatorv1.OperatorCondition{say(no, "A", "")}, now: say(no, "B", "")},
		"another condition is no measure": {stored: []operatorv1.OperatorCondition{{Type: "Degraded", Status: yes, Reason: "A"}}, now: say(yes, "A", ""), wrong: true},
	} {
		t.Run(name, func(t *testing.T) {
			if wrong, over := News(test.stored, test.now, yes); wrong != test.wrong || over != test.over {
				t.Errorf("wrong %t, over %t", wrong, over)
			}
		})
	}
}
