package names

// Names of what copies images from one storage to another.
const (
	// MoveAnnotation on Config with the value "true" asks to copy the images when spec.storage names another place. The
	// operator removes it when that is done.
	MoveAnnotation = "imageregistry.operator.openshift.io/move-images"
	// MovedAnnotation on Config says what was copied last, from where and to where.
	MovedAnnotation = "imageregistry.operator.openshift.io/images-moved"

	// Move is the name of the Job that copies, of its container and of the Secret that says what.
	Move = "image-registry-move"
	// MoveProgressAnnotation on Job Move is written by its pod: how far it has come.
	MoveProgressAnnotation = "imageregistry.operator.openshift.io/move-progress"
	// MovePassAnnotation on Job Move says which of the two passes it is, and between which places.
	MovePassAnnotation = "imageregistry.operator.openshift.io/move-pass"
	// MoveInputAnnotation on Job Move is the digest of the Secret that it was made for.
	MoveInputAnnotation = "imageregistry.operator.openshift.io/move-input"
)

// Reasons of StorageReady while images are copied.
const (
	// ReasonStorageMoving: images are being copied to the storage that spec.storage names, or it is waited for what that
	// needs.
	ReasonStorageMoving = "StorageMoving"
	// ReasonStorageMoveFailed: they could not be copied. Permanent.
	ReasonStorageMoveFailed = "StorageMoveFailed"
)

// Reasons of events about moving images.
const (
	EventImagesMoving = "ImagesMoving"
	EventImagesMoved  = "ImagesMoved"
)
