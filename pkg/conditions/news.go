package conditions

import operatorv1 "github.com/openshift/api/operator/v1"

// News says what a condition tells that the stored one of its type did not: that something is wrong, when its status has come
// to be bad or is bad for another reason, or that nothing is any more. Messages may change at every attempt and are no news.
func News(stored []operatorv1.OperatorCondition, now operatorv1.OperatorCondition, bad operatorv1.ConditionStatus) (wrong, over bool) {
	before := Find(stored, now.Type)
	was := before != nil && before.Status == bad
	if now.Status == bad {
		return !was || before.Reason != now.Reason, false
	}
	return false, was
}
